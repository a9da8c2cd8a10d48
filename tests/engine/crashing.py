"""Sessions that are killed: `python -m tests.engine.crashing DATA` forks one engine for each line it reads.

The imports are paid once; each session is a process of its own that works on the same data directory until it is killed
at a failpoint, from outside, or has done its share. What it was told is durable it writes to files that survive it.

    line in:  FAILPOINT-or-dash SEED      lines out:  pid N, then end STATUS
"""

import asyncio
import contextlib
import os
import random
import sys
from pathlib import Path

import msgspec

from catalog.errors import FabricError
from engine.changes import ChangeState
from engine.runs import Run, RunState
from engine.tenancy import CredentialKind
from tests.engine import house as houses
from tests.engine.forking import fork_for_each_line
from tests.engine.house import House

ROUNDS = 12


def note(path: Path, line: str) -> None:
    """Append a line that survives this process."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, line.encode() + b"\n")
    os.close(descriptor)


def noted(path: Path) -> list[str]:
    """The lines of a file, none where there is none."""
    return path.read_text(encoding="utf-8").split() if path.exists() else []


async def session(data: Path, seed: int) -> None:
    """Push events, decide on changes, edit and cancel: whatever a day brings, noting what was acknowledged."""
    dice = random.Random(seed)
    houses.on_apply = lambda change, call: note(data / "effects", call.change_id)
    async with houses.house(data, ingest_limit="100000000/60s") as home:
        await _connections(home)
        for number in range(ROUNDS):
            key = f"{seed}-{number}"
            body = {"name": "order", "payload": {"n": number, "key": key}}
            raw = msgspec.json.encode(body)
            accepted = await home.app.ingest.accept(home.admin.organisation_id, body, raw, key)
            note(data / "acknowledged", accepted.event.id)
            with contextlib.suppress(FabricError, IndexError):
                await _something_else(home, data, dice, number)
        await asyncio.sleep(0.02)


async def _connections(home: House) -> None:
    target = home.controller.id
    hang = [{"operation_id": "probe.echo", "timeout": "100ms", "params": {"value": "{{trigger.n}}"}}]
    with contextlib.suppress(FabricError):
        await home.connect({"name": "hangs", "source_event": "probe.thing.happened", "steps": hang})
    for name, steps in (
        ("reads", [{"operation_id": "probe.echo", "params": {"value": "{{trigger.payload.n}}"}}] * 3),
        (
            "writes",
            [
                {"operation_id": "probe.picture", "params": {"value": "{{event.id}}"}},
                {"operation_id": "probe.keep", "params": {"controller_id": target, "value": "{{event.id}}"}},
            ],
        ),
    ):
        with contextlib.suppress(FabricError):
            await home.connect({"name": name, "source_event": "ingest.external", "max_rate": "100/s", "steps": steps})


async def _something_else(home: House, data: Path, dice: random.Random, number: int) -> None:
    app, organisation = home.app, home.admin.organisation_id
    pending = await app.store.list_changes(organisation, 5, None, state=ChangeState.PENDING)
    for change in pending.items[:2]:
        note(data / "requested", change.id)
        await app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    match number % 6:
        case 0:
            made = await home.connect(
                {"name": f"brief-{dice.random()}", "source_event": "device.updated", "steps": [_LOG]}
            )
            await app.authoring.delete(home.admin, made)
        case 1:
            await app.credentials.issue(home.admin, home.admin.id, CredentialKind.KEY, "k")
            await app.secrets.put(home.admin, "secret", str(dice.random()))
            await (await app.resealing.begin(home.admin, keep_old=False))
        case 2:
            await app.trials.invoke(home.admin, "probe.set", {"controller_id": home.controller.id, "value": number})
        case 3:
            await app.administration.add_site(home.admin, f"site-{dice.random()}")
        case 4:
            inbox = {"channels": {"in_app": True}, "title": str(dice.random())}
            await app.trials.invoke(home.admin, "fabric.notify", inbox)
        case 5:
            houses.current().gates["hang"] = asyncio.Event()
            await home.happen({"n": "hang"})
            running = await _running(home)
            hanging = next((run for run in running if run.connection_name == "hangs"), running[0])
            await app.trials.cancel(home.admin, hanging.id)
            await app.trials.replay(home.admin, hanging.id)


async def _running(home: House) -> list[Run]:
    """The runs under way, once there is one."""
    for _ in range(100):
        page = await home.app.store.list_runs(home.admin.organisation_id, 20, None, state=RunState.RUNNING)
        if page.items:
            return page.items
        await asyncio.sleep(0.002)
    return []


_LOG = {"operation_id": "fabric.log", "params": {"message": "x"}}


def main() -> None:
    """Fork a session for each line `FAILPOINT SEED`."""
    fork_for_each_line(lambda words: session(Path(sys.argv[1]), int(words[0])))


if __name__ == "__main__":
    main()
