"""Sessions that stage and collect artifacts until they are killed: `python -m tests.engine.keeping FOLDER`.

The imports are paid once; each line that is read forks one process that works on the same folder.

    line in:   FAILPOINT-or-dash SEED SECONDS
    line out:  its status: 0 it came through, 137 at the failpoint, -14 after the seconds
"""

import asyncio
import os
import random
import signal
import sys
import traceback
from pathlib import Path

from engine import failpoints
from engine.artifacts import AGE_FLOOR, ArtifactStore
from engine.change_events import change_event
from engine.changes import ChangeState
from engine.stores.sqlite import open_store
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.rows import ORG, Rows
from tests.fakes.clock import FakeClock
from tests.fakes.told import ToldBus

ROUNDS = 12
CONTENTS = 6


async def opened(folder: Path, clock: FakeClock) -> tuple[SqliteStore, ArtifactStore]:
    """The store and the artifacts of a folder."""
    store = await open_store(folder / "fabric.sqlite", clock=clock, owner=str(os.getpid()), bus=ToldBus())
    return store, ArtifactStore(folder / "broker", folder / "durable", clock, in_use=store.artifacts_in_use)


async def session(folder: Path, seed: int) -> None:
    """Stage changes with artifacts out of a few contents, reject some, grow old, collect. A day later than the last."""
    dice = random.Random(seed)
    clock = FakeClock(1_800_000_000.0 + seed * 10 * AGE_FLOOR, life=seed)
    store, artifacts = await opened(folder, clock)
    rows = Rows(clock)
    if not await store.organisations():
        await rows.furnish(store)
    for _ in range(ROUNDS):
        content = f"content {dice.randrange(CONTENTS)}".encode()
        kept = await artifacts.keep(await artifacts.put(content, "image/jpeg"))
        await rows.staged(store, artifact=kept, expires_at=clock.now() + 99 * AGE_FLOOR)
        pending = (await store.list_changes(ORG, 9, None, state=ChangeState.PENDING)).items
        for change in pending:
            if dice.random() < 0.5:
                event = change_event(change, "rejected", clock)
                await store.move(change, ChangeState.REJECTED, token=0, audit=rows.audit(), event=event)
        if dice.random() < 0.6:
            clock.pass_by(AGE_FLOOR + 1)
        await asyncio.gather(artifacts.collect(), artifacts.put(content, "image/jpeg"))
    await store.close()


def main() -> None:
    """Fork a session for each line."""
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        failpoint, seed, seconds = line.split()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if failpoint != "-":
                    failpoints.arm(failpoint)
                signal.setitimer(signal.ITIMER_REAL, float(seconds))
                asyncio.run(session(folder, int(seed)))
                status = 0
            except BaseException:  # noqa: BLE001 - it is printed, and the status tells
                traceback.print_exc()
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
