"""Targets named by hostile payloads: never another organisation's, and a foreign one answers like none at all."""

import asyncio
import json
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from catalog.errors import Conflict, FabricError, NotFound
from catalog.jsonvalue import Json
from catalog.provider import Target
from engine.changes import ChangeState, PendingChange
from engine.runs import Run, StepState
from engine.targets import TargetFinder
from engine.tenancy import Controller
from tests.engine.house import House, current

HOSTILE = 5_000
TOGETHER = 250
OWN, FOREIGN, UNKNOWN, NONE, BAD = "own", "foreign", "unknown", "none", "bad"
EXPECTED = {
    FOREIGN: "CROSS_TENANT_TARGET",
    UNKNOWN: "CROSS_TENANT_TARGET",
    NONE: "NO_TARGET",
    BAD: "BAD_TARGET",
}
FULLWIDTH = str.maketrans("0123456789abcdef", "０１２３４５６７８９ａｂｃｄｅｆ")


def disguised(dice: random.Random, identifier: str) -> Json:
    """An id that is not written as one: something may take it for the real one."""
    return dice.choice(
        (
            identifier.upper(),
            identifier.replace("-", ""),
            f"{{{identifier}}}",
            f"urn:uuid:{identifier}",
            f" {identifier}",
            f"{identifier}\n",
            f"{identifier}\u0000",
            f"{identifier}\u200b",
            identifier.translate(FULLWIDTH),
            identifier.replace("-", "\u2010"),
            f"{identifier}' OR id <> '",
            f"{identifier[:-1]}%",
            f"{identifier}/../{identifier}",
            "{{connection.name}}",
            f"{{{{trigger.{identifier}}}}}",
            [identifier],
            {"id": identifier},
            {"$ne": identifier},
            [identifier, identifier],
            uuid.UUID(identifier).int,
            uuid.UUID(identifier).int % 2**53,
            identifier * 50,
            identifier[:-1],
            True,
            0,
            1.5,
        )
    )


def hostile(dice: random.Random, home: House, foreign: list[str], others: list[str]) -> tuple[str, Json]:
    """A kind and what a payload names as controller."""
    kind = dice.choice((FOREIGN, FOREIGN, UNKNOWN, UNKNOWN, "near", "other", NONE, BAD, BAD, BAD, OWN))
    if kind == OWN:
        return kind, home.controller.id
    if kind == FOREIGN:
        return kind, dice.choice(foreign)
    if kind == NONE:
        return kind, dice.choice((None, ""))
    if kind == BAD:
        return kind, disguised(dice, dice.choice((*foreign, home.controller.id)))
    if kind == "near":
        digits = list(home.controller.id)
        at = dice.choice([number for number, digit in enumerate(digits) if digit != "-"])
        digits[at] = dice.choice([digit for digit in "0123456789abcdef" if digit != digits[at]])
        return UNKNOWN, "".join(digits)
    return UNKNOWN, dice.choice(others) if kind == "other" else str(uuid.UUID(int=dice.getrandbits(128)))


async def neighbours(home: House) -> tuple[list[str], list[str]]:
    """Ids of other organisations' controllers, equal in every name; and ids of theirs that are no controllers."""
    foreign, others = [], [home.admin.id, home.admin.organisation_id, home.site.id]
    for _ in range(5):
        other = await home.neighbour()
        foreign.append(other.controller.id)
        others += [other.admin.id, other.admin.organisation_id, other.site.id]
    return foreign, others


async def runs_of(home: House, sent: dict[str, str]) -> dict[str, Run]:
    """Each event's run, when all are over."""
    async with asyncio.timeout(30.0):
        while (await home.app.store.counts()).get("events.undispatched") or home.app.workers.running():
            await asyncio.sleep(0.01)
    found: dict[str, Run] = {}
    cursor = None
    while len(found) < len(sent):
        page = await home.app.store.list_runs(home.admin.organisation_id, 200, cursor)
        for run in page.items:
            if run.event.id in sent:
                found[run.event.id] = await home.app.store.get_run(run.organisation_id, run.id)
        cursor = page.next
        assert cursor is not None or len(found) == len(sent)
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Controller]:
    """Every controller whose credentials were opened for a driver."""
    seen: list[Controller] = []
    really = TargetFinder.opened

    def spied(finder: TargetFinder, controller: Controller) -> Target:
        seen.append(controller)
        return really(finder, controller)

    monkeypatch.setattr(TargetFinder, "opened", spied)
    return seen


@pytest.mark.promise("P2", count=HOSTILE)
async def test_no_payload_reaches_another_organisations_controller(home: House, opened: list[Controller]) -> None:
    dice = random.Random(20261121)
    foreign, others = await neighbours(home)
    steps: list[Json] = [
        {"operation_id": operation, "params": {"controller_id": "{{trigger.id}}", **more}, "continue_on_error": True}
        for operation, more in (("storage.health", {}), ("probe.set", {"value": 1}))
    ]
    await home.connect({"name": "by payload", "source_event": "probe.thing.happened", "steps": steps})
    errors: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    kinds: Counter[str] = Counter()
    for _ in range(HOSTILE // TOGETHER):
        sent: dict[str, str] = {}
        for _ in range(TOGETHER):
            kind, identifier = hostile(dice, home, foreign, others)
            sent[(await home.happen({"id": identifier})).id] = kind
        for event_id, run in (await runs_of(home, sent)).items():
            kind = sent[event_id]
            kinds[kind] += 1
            for record in run.steps:
                if kind == OWN:
                    assert record.error is None or record.error.code not in EXPECTED.values()
                    continue
                assert record.state is StepState.FAILED
                assert record.error is not None
                assert record.error.code == EXPECTED[kind], (kind, run.event.payload)
                assert not record.change_ids
                errors[kind, record.operation_id].add(msgspec.json.encode(record.error))
    assert set(kinds) == {OWN, *EXPECTED}
    assert {controller.id for controller in opened} == {home.controller.id}
    staged = (await home.app.store.counts())["changes.pending"]
    assert staged == kinds[OWN]
    for operation in ("storage.health", "probe.set"):
        assert errors[FOREIGN, operation] == errors[UNKNOWN, operation]
        assert len(errors[FOREIGN, operation]) == 1


def told(error: FabricError) -> bytes:
    """All that a caller learns from an error."""
    return json.dumps(
        [type(error).__name__, error.status, error.code, error.message, error.hint, error.details]
    ).encode()


@pytest.mark.promise("P2", count=1_000)
async def test_no_invocation_reaches_another_organisations_controller(home: House, opened: list[Controller]) -> None:
    dice = random.Random(7)
    foreign, others = await neighbours(home)
    answers: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    for number in range(1_000):
        operation, more = (("storage.health", {}), ("probe.set", {"value": 1}))[number % 2]
        kind, identifier = hostile(dice, home, foreign, others)
        if kind == OWN:
            continue
        with pytest.raises(FabricError) as caught:
            await home.app.trials.invoke(home.admin, operation, {"controller_id": identifier, **more})
        assert caught.value.code == EXPECTED[kind]
        answers[kind, operation].add(told(caught.value))
    assert opened == []
    assert current().calls == []
    for operation in ("storage.health", "probe.set"):
        assert answers[FOREIGN, operation] == answers[UNKNOWN, operation]
        assert len(answers[FOREIGN, operation]) == 1


@pytest.mark.promise("P2", count=5)
async def test_authoring_tells_a_foreign_controller_from_none_by_no_byte(home: House) -> None:
    foreign, _ = await neighbours(home)

    async def found(identifier: str) -> bytes:
        steps = [{"operation_id": "probe.set", "params": {"controller_id": identifier, "value": 1}}]
        source = {"name": "x", "source_event": "probe.thing.happened", "steps": steps}
        diagnostics = await home.app.authoring.validate(home.admin, msgspec.json.encode(source))
        assert [each.code for each in diagnostics] == ["CROSS_TENANT_TARGET"]
        return repr(diagnostics).replace(identifier, "ID").encode()

    assert {await found(each) for each in foreign} == {await found(str(uuid.uuid4()))}


@pytest.mark.promise("P2")
async def test_another_organisations_change_answers_like_none(home: House) -> None:
    other = await home.neighbour()
    target = {"controller_id": other.controller.id, "value": 1}
    change = await other.app.trials.invoke(other.admin, "probe.set", target)
    assert isinstance(change, PendingChange)
    unknown = str(uuid.uuid4())
    deeds: tuple[Callable[[str], Awaitable[object]], ...] = (
        lambda each: home.app.applier.apply(home.admin, each, force=True, digest=change.digest),
        lambda each: home.app.applier.reject(home.admin, each, None),
        lambda each: home.app.store.get_change(home.admin.organisation_id, each),
    )
    for deed in deeds:
        answers = []
        for each in (change.id, unknown):
            with pytest.raises(NotFound) as caught:
                await deed(each)
            answers.append(told(caught.value).replace(each.encode(), b"ID"))
        assert answers[0] == answers[1]
    assert (await other.app.store.get_change(other.admin.organisation_id, change.id)).state is ChangeState.PENDING


@pytest.mark.promise("P2")
async def test_a_controller_that_was_taken_away_after_staging_is_not_applied_to(home: House) -> None:
    change = await home.app.trials.invoke(home.admin, "probe.set", {"controller_id": home.controller.id, "value": 1})
    assert isinstance(change, PendingChange)
    with pytest.raises(Conflict) as stays:
        await home.app.removal.remove(home.admin, home.controller.id, force=False)
    assert stays.value.code == "IN_USE"
    assert await home.app.removal.remove(home.admin, home.controller.id, force=True) == 1
    with pytest.raises(Conflict) as caught:
        await home.app.applier.apply(home.admin, change.id, force=True, digest=change.digest)
    assert (caught.value.code, caught.value.message) == ("CHANGE_STATE", "The change is expired.")
    assert current().applied == []


@pytest.mark.promise("E5", "P2")
async def test_a_run_whose_target_is_taken_away_before_its_end_fails_and_stages_nothing(home: House) -> None:
    gate = current().gates["slow"] = asyncio.Event()
    steps = [
        {"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": 1}},
        {"operation_id": "probe.echo", "params": {"value": "slow"}},
    ]
    await home.connect({"name": "slow", "source_event": "probe.thing.happened", "steps": steps})
    await home.happen({})
    while len(current().calls) < 2:
        await asyncio.sleep(0.005)
    await home.app.removal.remove(home.admin, home.controller.id, force=False)
    gate.set()
    (run,) = await home.settled(1)
    assert run.error is not None
    assert run.error.code == "CROSS_TENANT_TARGET"
    assert [(record.state.value, record.change_ids) for record in run.steps] == [("failed", ()), ("succeeded", ())]
    assert (await home.app.store.list_changes(home.admin.organisation_id, 10, None)).items == []
