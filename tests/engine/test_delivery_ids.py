"""What leaves the house may be sent again after a crash, always under the id it had before; a write stages once."""

import asyncio
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.runs import RunState
from tests.engine.house import house

FAILPOINTS = [
    f"store.{write}.{stage}"
    for write in ("accept", "dispatch", "deliver", "finish")
    for stage in ("before_statements", "after_statements", "before_commit", "after_commit")
]
POSTS = 5
"""Requests that one run sends: one, one for each of three items, one notification."""


class Receiver:
    """A real server on loopback: which `webhook-id` came to which path, and whom to kill at which request."""

    def __init__(self) -> None:
        self.port = 0
        self.ids: dict[str, list[str]] = defaultdict(list)
        self.count = 0
        self.victim = 0
        self.kill_at: tuple[int, str] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            await reader.readexactly(int(headers["content-length"]))
            self.ids[head[0].split()[1]].append(headers["webhook-id"])
            self.count += 1
            self._kill("received")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
            self._kill("answered")
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the sender was killed
        finally:
            writer.close()

    def _kill(self, moment: str) -> None:
        if self.kill_at == (self.count, moment):
            os.kill(self.victim, signal.SIGKILL)


class Sessions:
    """The forking process."""

    def __init__(self, process: asyncio.subprocess.Process, receiver: Receiver) -> None:
        self._process = process
        self.receiver = receiver

    async def run(self, folder: Path, deed: str, failpoint: str = "-") -> int:
        """One session's exit status: 137 at a failpoint, -9 when killed, 0 when it lived."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{failpoint} {folder} {self.receiver.port} {deed}\n".encode())
        self.receiver.victim = int((await self._process.stdout.readline()).split()[1])
        async with asyncio.timeout(30.0):
            return int((await self._process.stdout.readline()).split()[1])


@asynccontextmanager
async def sessions() -> AsyncIterator[Sessions]:
    """A forking process and a receiver."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.engine.posting", stdin=pipe, stdout=pipe, start_new_session=True
    )
    try:
        yield Sessions(process, receiver)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # it, and whoever of its children a failure left behind
        await process.wait()
        server.close()


async def check(folder: Path, receiver: Receiver) -> None:
    """Two runs, the first and its replay: each delivery came under one id, however often, and no two under the same."""
    async with house(folder) as home:
        store, organisation = home.app.store, home.admin.organisation_id
        runs = (await store.list_runs(organisation, 10, None)).items
        assert sorted(run.origin for run in runs) == ["live", "replay:1"]
        assert {run.state for run in runs} == {RunState.SUCCEEDED}
        kept = (await store.list_notifications(organisation, 10, None)).items
        assert sorted(each.title for each in kept) == sorted(run.id for run in runs)
        changes = (await store.list_changes(organisation, 10, None)).items
        assert sorted(change.state.value for change in changes) == ["pending", "superseded"]
    paths = [f"/{name}/{run.id}" for run in runs for name in ("once", "each-a", "each-b", "each-c")]
    assert set(receiver.ids) == {*paths, "/notify"}
    assert all(len(set(receiver.ids[path])) == 1 for path in paths), receiver.ids
    assert len(set(receiver.ids["/notify"])) == 2
    every = {identity for identities in receiver.ids.values() for identity in identities}
    assert len(every) == len(paths) + 2


@pytest.mark.promise("E6", count=len(FAILPOINTS) + 2 * POSTS)
async def test_a_repeat_after_a_crash_keeps_its_id_and_no_two_deliveries_share_one(tmp_path: Path) -> None:
    repeated = 0
    async with sessions() as living:
        for number, failpoint in enumerate(FAILPOINTS):
            repeated += await crash(living, tmp_path / f"failpoint-{number}", failpoint, None)
        for number in range(1, POSTS + 1):
            for moment in ("received", "answered"):
                repeated += await crash(living, tmp_path / f"{moment}-{number}", "-", (number, moment))
    assert repeated >= 2 * POSTS


async def crash(living: Sessions, folder: Path, failpoint: str, kill_at: tuple[int, str] | None) -> bool:
    """A run whose process is killed there, taken up by the next process, then replayed. Was anything sent twice?"""
    receiver = living.receiver
    receiver.ids.clear()
    receiver.count, receiver.kill_at = 0, kill_at
    assert await living.run(folder, "fire", failpoint) == (137 if kill_at is None else -9), failpoint
    receiver.kill_at = None
    assert await living.run(folder, "resume") == 0
    if not receiver.ids:
        assert failpoint.startswith("store.accept.")
        assert await living.run(folder, "fire") == 0
    repeated = any(len(identities) > 1 for identities in receiver.ids.values())
    assert await living.run(folder, "replay") == 0
    await check(folder, receiver)
    return repeated
