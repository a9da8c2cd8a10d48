"""Kill while artifacts are staged and collected: whatever a kept row refers to is there, and whole."""

import asyncio
import random
import sys
from pathlib import Path

import pytest

from engine import failpoints
from engine.artifacts import AGE_FLOOR
from engine.changes import ChangeState
from tests.contracts.rows import ORG
from tests.engine.keeping import opened
from tests.fakes.clock import FakeClock

KILLS = 200
PLACES = (
    *(name for name in failpoints.NAMES if name.startswith("artifact.")),
    *(f"store.{write}.{stage}" for write in ("stage", "move") for stage in failpoints.STAGES),
)


class Sessions:
    """Sessions in processes of their own, one after the other, on one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Sessions":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.engine.keeping",
            str(self._folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()

    async def run(self, failpoint: str, seed: int, seconds: float) -> int:
        """One session that is killed at that failpoint or after so many seconds (0.0: never). Its exit status."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{failpoint} {seed} {seconds:.6f}\n".encode())
        return int(await process.stdout.readline())


async def _dangling(folder: Path, seed: int) -> list[str]:
    """Changes that are open and whose bytes are gone or altered."""
    store, artifacts = await opened(folder, FakeClock(1_800_000_000.0 + seed * 10 * AGE_FLOOR, life=10_000 + seed))
    try:
        lost = []
        for change in (await store.list_changes(ORG, 200, None, state=ChangeState.PENDING)).items:
            assert change.artifact is not None
            content = b"".join([chunk async for chunk in artifacts.open(change.artifact)])
            if not content.startswith(b"content "):
                lost.append(change.id)
        return lost
    finally:
        await store.close()


@pytest.mark.promise("W6", count=KILLS)
async def test_no_kill_while_staging_or_collecting_leaves_a_row_without_its_bytes(tmp_path: Path) -> None:
    dice = random.Random(6)
    ends: dict[int, int] = {}
    async with Sessions(tmp_path) as sessions:
        await sessions.run("-", 0, 0.0)
        seed = killed = 0
        while killed < KILLS:
            seed += 1
            if seed % 4:
                end = await sessions.run(f"{PLACES[seed % len(PLACES)]}:{dice.randrange(1, 9)}", seed, 0.0)
            else:
                end = await sessions.run("-", seed, 0.001 + dice.random() * 0.06)
            ends[end] = ends.get(end, 0) + 1
            killed += end != 0
            assert end in (0, 137, -14)
            assert await _dangling(tmp_path, seed) == []
        assert ends[137] > 100
        assert ends[-14] > 20

        clock = FakeClock(1_800_000_000.0 + (seed + 1) * 10 * AGE_FLOOR, life=20_000)
        store, artifacts = await opened(tmp_path, clock)
        await artifacts.collect()
        in_use = await store.artifacts_in_use()
        await store.close()
        assert {each.name for each in (tmp_path / "durable").iterdir()} == {*in_use, ".lock"}
