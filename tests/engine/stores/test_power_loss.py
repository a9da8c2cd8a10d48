"""Power loss: the file is rebuilt with any part of what was not synced dropped or torn, and opened again."""

import asyncio
import random
from pathlib import Path

import apsw
import pytest

from engine.runs import RunState
from engine.stores.sqlite import checkpoint, open_store
from tests.contracts.rows import ORG, Rows
from tests.engine.stores.disk import Disk, Op, after_power_loss
from tests.fakes.clock import FakeClock
from tests.fakes.told import ToldBus

CUTS = 500
ACKNOWLEDGED = "acknowledged"


async def _recorded(folder: Path) -> list[Op]:
    """Everything a working day writes, with what was acknowledged when."""
    ops: list[Op] = []
    disk = Disk(ops.append)
    clock = FakeClock()
    rows = Rows(clock)
    store = await open_store(folder / "fabric.sqlite", clock=clock, owner="me", bus=ToldBus(), vfs=disk.name)
    await rows.furnish(store)

    async def client(number: int) -> None:
        for turn in range(12):
            event = rows.event({"n": number, "text": "x" * (number * turn * 40)})
            await store.accept(event)
            ops.append((ACKNOWLEDGED, "event", 0, event.id.encode()))
            run = rows.run(event, f"c-{number}", state=RunState.RUNNING)
            (run,) = await store.dispatch(event, [run], misses=0, cooldowns=[0.0])
            ops.append((ACKNOWLEDGED, "run", 0, run.id.encode()))
            run.state = RunState.SUCCEEDED
            change = rows.change(run)
            await store.finish(run, [change], [])
            ops.append((ACKNOWLEDGED, "change", 0, change.id.encode()))

    await asyncio.gather(*[client(number) for number in range(6)])
    await store.close()
    disk.unregister()
    return ops


def _lost(folder: Path, ops: list[Op], dice: random.Random) -> str | None:
    """What is wrong with the file that these operations may leave behind."""
    for file, content in after_power_loss([op for op in ops if op[0] != ACKNOWLEDGED], dice).items():
        (folder / file).write_bytes(content)
    wanted = [(table, name.decode()) for kind, table, _, name in ops if kind == ACKNOWLEDGED]
    if not (folder / "fabric.sqlite").exists():
        return "the file is gone" if wanted else None
    connection = apsw.Connection(str(folder / "fabric.sqlite"))
    try:
        sound = connection.pragma("integrity_check")
        if sound != "ok":
            return f"damaged: {sound}"
        held = {
            (table, row[0])
            for table in {table for table, _ in wanted}
            for row in connection.execute(f"SELECT id FROM {table}")
        }
        missing = [each for each in wanted if each not in held]
        return f"{len(missing)} acknowledged rows are missing, the first is {missing[0]}" if missing else None
    finally:
        connection.close()


@pytest.mark.promise("E2", count=CUTS)
async def test_what_was_acknowledged_survives_a_power_loss_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PAGES", 60)
    ops = await _recorded(tmp_path)
    syncs = [file for kind, file, _, _ in ops if kind == "sync"]
    assert syncs.count("fabric.sqlite") >= 5, "checkpoints are among what is cut"
    assert syncs.count("fabric.sqlite-wal") >= 30, "so are many commits"

    dice = random.Random(2)
    for number, cut in enumerate(sorted(dice.randrange(len(ops) + 1) for _ in range(CUTS))):
        folder = tmp_path / str(number)
        folder.mkdir()
        problem = await asyncio.to_thread(_lost, folder, ops[:cut], dice)
        assert problem is None, f"cut {number} after {cut} of {len(ops)} operations: {problem}"


async def test_a_store_opens_and_goes_on_after_a_power_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PAGES", 60)
    ops = await _recorded(tmp_path)
    dice = random.Random(3)
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        cut = [op for op in ops[: dice.randrange(len(ops) + 1)] if op[0] != ACKNOWLEDGED]
        for file, content in after_power_loss(cut, dice).items():
            (folder / file).write_bytes(content)
        clock = FakeClock(life=1)
        rows = Rows(clock)
        store = await open_store(folder / "fabric.sqlite", clock=clock, owner="next", bus=ToldBus())
        await store.recover()
        event = rows.event()
        await store.accept(event)
        assert await store.verify_audit(ORG) is None
        assert event in await store.undispatched(10_000)
        await store.close()
