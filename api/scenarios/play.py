"""Playing: each stage happens, its runs come to their end, and what happened is held against what was expected."""

import asyncio
import time
from pathlib import Path

import msgspec

from api.scenarios.expectations import Seen, differences
from api.scenarios.matching import Mismatch
from api.scenarios.model import Scenario, Stage
from api.scenarios.world import World, world
from catalog.errors import ConnectionInvalid, FabricError, Invalid
from catalog.events import Event
from catalog.jsonvalue import Json
from engine.changes import ChangeState, PendingChange
from engine.records import Page

_BUSY = ("events.undispatched", "runs.queued", "runs.running")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a scenario went. `problem` is why it could not be played to its end."""

    file: str
    scenario: str
    seconds: float
    mismatches: tuple[Mismatch, ...] = ()
    problem: FabricError | None = None

    @property
    def passed(self) -> bool:
        """Did everything happen as expected?"""
        return not self.mismatches and self.problem is None


async def play(scenario: Scenario, file: Path) -> Outcome:
    """Play one scenario from beginning to end."""
    began = time.monotonic()
    found: list[Mismatch] = []
    problem: FabricError | None = None
    try:
        async with world(scenario, file.parent) as made:
            seen = Seen()
            for number, stage in enumerate(scenario.stages):
                place = f"then[{number - 1}].expect" if number else "expect"
                refused = await _happen(made, stage)
                await _settle(made)
                await seen.look(made)
                found += differences(place, stage.expect, seen, made, refused)
    except FabricError as error:
        problem = error
    return Outcome(
        file=str(file),
        scenario=scenario.scenario,
        seconds=time.monotonic() - began,
        mismatches=tuple(found),
        problem=problem,
    )


async def _happen(made: World, stage: Stage) -> FabricError | None:
    """Let the stage's one thing happen; the refusal, if it is refused and the scenario says that it will be."""
    try:
        await _do(made, stage)
    except ConnectionInvalid:
        raise
    except FabricError as error:
        if stage.expect.refused is None:
            raise
        return error
    return None


async def _do(made: World, stage: Stage) -> None:
    application = made.application
    if stage.event is not None:
        await application.engine.publish(await _event(made, stage))
    elif stage.ingest is not None:
        body: Json = {"name": stage.ingest.name, "payload": made.filled(stage.ingest.payload)}
        raw = msgspec.json.encode(body)
        await application.ingest.accept(made.actor.organisation_id, body, raw, stage.ingest.key)
    elif stage.apply is not None:
        for change in await _chosen(made, stage.apply):
            await application.applier.apply(made.actor, change.id, force=True, digest=change.digest)
    elif stage.reject is not None:
        for change in await _chosen(made, stage.reject):
            await application.applier.reject(made.actor, change.id, "rejected by the scenario")


async def _event(made: World, stage: Stage) -> Event:
    given = stage.event
    if given is None:
        raise Invalid("SCENARIO_STAGE", "The stage has no event.")
    clock = made.application.clock
    artifact = None
    if given.artifact is not None:
        content = made.beside(given.artifact.file).read_bytes()
        artifact = await made.application.artifacts.put(content, given.artifact.media_type)
    return Event(
        id=clock.new_id(),
        organisation_id=made.actor.organisation_id,
        type=given.type,
        payload=made.filled(given.payload),
        time=clock.now(),
        artifact=artifact,
    )


async def _chosen(made: World, which: tuple[int, ...] | str) -> list[PendingChange]:
    staged = await staged_changes(made)
    if isinstance(which, str):
        return [each for each in staged if each.state is ChangeState.PENDING]
    missing = [number for number in which if not 0 <= number < len(staged)]
    if missing:
        raise Invalid(
            "SCENARIO_CHANGE",
            f"There is no change number {missing[0]}; {len(staged)} are staged.",
            hint="Changes are numbered from 0 in the order in which they were staged.",
        )
    return [staged[number] for number in which]


async def staged_changes(made: World) -> list[PendingChange]:
    """Every change so far, in the order in which they were staged."""
    page: Page[PendingChange] = await made.application.store.list_changes(made.actor.organisation_id, 200, None)
    return sorted(page.items, key=lambda each: (each.staged_at, each.step_index or 0, each.id))


async def _settle(made: World) -> None:
    """Wait until no event waits and no run is under way."""
    until = time.monotonic() + made.scenario.seconds
    while busy := await _busy(made):
        if time.monotonic() > until:
            raise Invalid(
                "SCENARIO_SLOW",
                f"The runs are not over after {made.scenario.seconds:g} s ({', '.join(busy)}).",
                hint="Raise `seconds`, or look what they wait for.",
            )
        await asyncio.sleep(0.01)


async def _busy(made: World) -> list[str]:
    """What is under way. The counts are several looks; that the feed stands still meanwhile makes them one."""
    store, organisation_id = made.application.store, made.actor.organisation_id
    before = await store.feed_head(organisation_id)
    counts = await store.counts()
    moved = await store.feed_head(organisation_id) != before
    return [f"{name} {counts[name]}" for name in _BUSY if counts.get(name)] or ["moving"] * moved
