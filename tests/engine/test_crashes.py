"""kill -9 at every failpoint and at random moments: nothing acknowledged is lost, nothing is applied twice."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from engine import failpoints
from engine.changes import ChangeState
from tests.engine.crashing import noted
from tests.engine.house import house

STORE_POINTS = [name for name in failpoints.NAMES if name.startswith("store.") and name != "store.migrate"]
KEEP_POINTS = [name for name in failpoints.NAMES if name.startswith("artifact.keep")]
RANDOM_KILLS = 100


class Sessions:
    """The forking process; `run` lets one session live and tells how it ended."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._seed = 0

    def run(self, failpoint: str = "-", kill_after: float | None = None) -> int:
        """The exit status: 137 at a failpoint, -9 when killed, 0 when it lived."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._seed += 1
        self._process.stdin.write(f"{failpoint} {self._seed}\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline().split()[1])
        if kill_after is not None:
            time.sleep(kill_after)
            with suppress(ProcessLookupError):  # it had done its share already
                os.kill(pid, signal.SIGKILL)
        return int(self._process.stdout.readline().split()[1])


@contextmanager
def sessions(data: Path) -> Iterator[Sessions]:
    """A forking process on this data directory."""
    command = [sys.executable, "-m", "tests.engine.crashing", str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Sessions(process)
        assert process.stdin is not None
        process.stdin.close()


async def verify(data: Path) -> None:
    """Whatever happened: every acknowledged event ended in runs, and no change was applied twice or unasked."""
    acknowledged = noted(data / "acknowledged")
    assert acknowledged
    effects, requested = Counter(noted(data / "effects")), set(noted(data / "requested"))
    async with house(data) as home:
        store, organisation = home.app.store, home.admin.organisation_id
        for _ in range(600):
            counts = await store.counts()
            if not any(counts.get(each) for each in ("runs.queued", "runs.running", "events.undispatched")):
                break
            await asyncio.sleep(0.05)
        runs = await _all_runs(home)
        fired = Counter((run[0], run[1]) for run in runs if run[2] == "live")
        lost = [each for each in acknowledged if fired[each, "reads"] != 1 or fired[each, "writes"] != 1]
        assert lost == []
        assert max(fired.values()) == 1
        assert all(run[3] for run in runs)
        assert await store.verify_audit(organisation) is None
        assert await store.check() == []
        for change_id, times in effects.items():
            assert times == 1, "a change was applied twice"
            assert change_id in requested, "a change was applied unasked"
            state = (await store.get_change(organisation, change_id)).state
            assert state in (ChangeState.APPLIED, ChangeState.APPLYING, ChangeState.UNKNOWN)


async def _all_runs(home: object) -> list[tuple[str, str, str, bool]]:
    app = home.app  # type: ignore[attr-defined]  # a House
    organisation = home.admin.organisation_id  # type: ignore[attr-defined]  # a House
    found, cursor = [], None
    while True:
        page = await app.store.list_runs(organisation, 200, cursor)
        found += [(run.event.id, run.connection_name, run.origin, run.state.over) for run in page.items]
        cursor = page.next
        if cursor is None:
            return found


@pytest.mark.promise("E1", "E5", "W2", count=201)
async def test_a_kill_at_every_failpoint_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    reached = Counter[str]()
    with sessions(tmp_path) as living:
        assert living.run() == 0
        for number in (1, 2, 3):
            for name in (*STORE_POINTS, *KEEP_POINTS):
                status = living.run(f"{name}:{number}")
                assert status in (0, 137)
                reached[name] += status == 137
    never = [name for name in (*STORE_POINTS, *KEEP_POINTS) if not reached[name]]
    assert never == [], f"no session reached {never}"
    await verify(tmp_path)


@pytest.mark.promise("E1", "E4", "E5", "W2", count=RANDOM_KILLS)
async def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    dice = random.Random(20261121)
    with sessions(tmp_path) as living:
        assert living.run() == 0
        killed = sum(living.run(kill_after=dice.uniform(0.02, 0.35)) == -9 for _ in range(RANDOM_KILLS))
    assert killed > RANDOM_KILLS / 2
    await verify(tmp_path)
