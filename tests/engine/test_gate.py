"""The permission gate: a right that is gone is gone before the next handler, whenever it goes."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from catalog.errors import Unavailable
from catalog.jsonvalue import Json
from engine.directory import TOPIC
from engine.runs import Run, RunState, StepState
from engine.tenancy import ORG_ADMIN, Controller, Grant, Role, User
from runtime.log_sink import StructuredLog
from tests.engine.house import House, current

INTERLEAVINGS = 2400
ADMIN = (Grant(ORG_ADMIN),)
MAKER = ("probe.view", "probe.set")


class Stage:
    """One author with one Connection, whose right goes at a moment of the run and comes back afterwards."""

    def __init__(self, home: House, kind: str, source: Json) -> None:
        self.home = home
        self.kind = kind
        self.source = source
        self.author = ""
        self.connection = ""
        self.gone = False
        self.called: list[str] = []
        self.too_late: list[str] = []

    async def furnish(self) -> None:
        """An administrator authors; then he is what the kind of revocation begins with."""
        work = self.home.app.administration
        name = f"{self.kind}-{self.home.app.clock.new_id()}"
        user = await work.add_user(self.home.admin, name, None, ADMIN)
        self.author = user.id
        self.connection = await self._authored({**self.source, "name": name})
        await self.restore()

    async def _authored(self, source: Json) -> str:
        app = self.home.app
        actor = await app.directory.find_actor(self.home.admin.organisation_id, self.author)
        assert actor is not None
        return (await app.authoring.create(actor, msgspec.json.encode(source))).id

    async def restore(self) -> None:
        """The author may again."""
        work, admin = self.home.app.administration, self.home.admin
        self.gone, self.called, self.too_late = False, [], []
        match self.kind:
            case "deactivate":
                await work.change_user(admin, self.author, {"active": True}, None)
            case "take the role" | "scope to another site":
                await work.change_user(admin, self.author, {"grants": ADMIN}, None)
            case "narrow the role" | "delete the role":
                await work.put_role(admin, f"maker-{self.author}", MAKER)
                await work.change_user(admin, self.author, {"grants": (Grant(f"maker-{self.author}"),)}, None)

    async def revoke(self, elsewhere: str) -> None:
        """Take the right; it is gone when this returns."""
        work, admin = self.home.app.administration, self.home.admin
        match self.kind:
            case "deactivate":
                await work.change_user(admin, self.author, {"active": False}, None)
            case "take the role":
                await work.change_user(admin, self.author, {"grants": ()}, None)
            case "scope to another site":
                scoped = (Grant(ORG_ADMIN, (elsewhere,)),)
                await work.change_user(admin, self.author, {"grants": scoped}, None)
            case "delete the person":
                await work.delete(admin, User, self.author)
            case "narrow the role":
                await work.put_role(admin, f"maker-{self.author}", ("something.else",))
            case "delete the role":
                await work.delete(admin, Role, f"maker-{self.author}")
        self.gone = True

    @property
    def forbidden(self) -> set[str]:
        """What must not be called once the right is gone: sinks take a person, reads a role, a write the site."""
        if self.kind in ("deactivate", "delete the person"):
            return {"echo", "plan", "log"}
        return {"plan"} if self.kind == "scope to another site" else {"echo", "plan"}

    def heard(self, word: str) -> None:
        """A handler was called."""
        self.called.append(word)
        if self.gone and word in self.forbidden:
            self.too_late.append(word)


KINDS = (
    "deactivate",
    "take the role",
    "scope to another site",
    "delete the person",
    "narrow the role",
    "delete the role",
)


def sources(controller: Controller) -> list[Json]:
    """A chain and a graph: reads, a sink, a write, a foreach, a retry; each with and without continue_on_error."""
    set_it = {"operation_id": "probe.set", "params": {"controller_id": controller.id, "value": "{{trigger.n}}"}}
    log_it = {"operation_id": "fabric.log", "params": {"message": "here"}}
    each = {"in": "{{trigger.items}}", "as": "item", "max_parallel": 2}

    def echo(**fields: Json) -> Json:
        return {"operation_id": "probe.echo", "params": {"value": "{{trigger.n}}"}, **fields}

    chain = [echo(), log_it, set_it, echo(foreach=each), echo(retry={"max_attempts": 2, "delay": "1ms"}), log_it]
    graph = [echo(id="a", needs=[]), {**set_it, "id": "b", "needs": []}, {**log_it, "id": "c", "needs": []}]
    graph += [echo(needs=["a", "c"]), {**set_it, "needs": ["b"]}, log_it]
    found: list[Json] = []
    for steps in (chain, graph):
        for on in (False, True):
            each_step = [{**step, "continue_on_error": on} for step in steps]
            found.append({"source_event": "probe.thing.happened", "steps": each_step})
    return found


async def fired(home: House, stage: Stage, number: int, before_dispatch: Callable[[], Awaitable[None]] | None) -> Run:
    """The run of the stage's Connection by one event, when it is over."""
    app = home.app
    event = home.event({"n": number, "items": [1, 2, 3]}, only=stage.connection)
    with app.engine._dispatcher.reserved(event.id):
        await app.store.accept(event)
        if before_dispatch is not None:
            await before_dispatch()
        (run,) = await app.engine._dispatcher.dispatch(event)
    ended = await app.workers.wait(run.id, 10.0)
    assert ended is not None
    return await app.store.get_run(home.admin.organisation_id, run.id)


def check_numbers(run: Run, steps: Json) -> None:
    """Every step stands under its own number, whatever became of it."""
    assert [record.index for record in run.steps] == list(range(len(steps)))
    assert [record.operation_id for record in run.steps] == [step["operation_id"] for step in steps]
    for record in run.steps:
        assert record.state not in (StepState.PENDING, StepState.RUNNING)
        denied = record.error is not None and record.error.code == "PERMISSION_DENIED"
        assert denied == (record.state is StepState.DENIED)


@pytest.mark.promise("P1", count=INTERLEAVINGS)
async def test_no_handler_is_called_after_the_right_is_gone(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(20261121)
    elsewhere = (await home.app.administration.add_site(home.admin, "elsewhere")).id
    stages = [Stage(home, kind, source) for kind in KINDS for source in sources(home.controller)]
    for stage in stages:
        await stage.furnish()
    seen: Counter[str] = Counter()
    for number in range(INTERLEAVINGS):
        stage = stages[number % len(stages)]
        moment = dice.choice(("before dispatch", "inside a handler", "beside"))
        await _interleave(home, stage, number, moment, dice, elsewhere, monkeypatch, seen)
        if stage.kind == "delete the person":
            await home.app.authoring.delete(home.admin, stage.connection)
            await stage.furnish()
        else:
            await stage.restore()
    assert seen["in the middle"] > INTERLEAVINGS / 4, seen
    assert seen["nothing was called"] > INTERLEAVINGS / 20, seen


async def _interleave(
    home: House,
    stage: Stage,
    number: int,
    moment: str,
    dice: random.Random,
    elsewhere: str,
    monkeypatch: pytest.MonkeyPatch,
    seen: Counter[str],
) -> None:
    inside = dice.randrange(8) if moment == "inside a handler" else -1
    beside: list[asyncio.Task[None]] = []

    async def revoke_later(ticks: int) -> None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        await stage.revoke(elsewhere)

    async def called(word: str) -> None:
        stage.heard(word)
        if len(stage.called) - 1 == inside:
            await stage.revoke(elsewhere)
        await asyncio.sleep(0)

    current().on_call = lambda _value: called(current().calls[-1][0])
    monkeypatch.setattr(StructuredLog, "line", lambda _self, _message, _call: stage.heard("log"))
    if moment == "beside":
        beside.append(asyncio.create_task(revoke_later(dice.randrange(60))))
    before = (lambda: stage.revoke(elsewhere)) if moment == "before dispatch" else None
    run = await fired(home, stage, number, before)
    await asyncio.gather(*beside)
    assert stage.too_late == [], (stage.kind, moment, number)
    check_numbers(run, stage.source["steps"])
    denied = sum(record.state is StepState.DENIED for record in run.steps)
    seen["in the middle"] += denied > 0 and len(stage.called) > 0
    seen["nothing was called"] += denied > 0 and not stage.called


async def made_by_a_maker(home: House, permissions: tuple[str, ...], *steps: Json) -> Stage:
    """A Connection whose author holds exactly these permissions when it fires."""
    stage = Stage(home, "narrow the role", {"source_event": "probe.thing.happened", "steps": list(steps)})
    await stage.furnish()
    await home.app.administration.put_role(home.admin, f"maker-{stage.author}", permissions)
    return stage


@pytest.mark.promise("P1")
async def test_a_denied_step_keeps_its_number_and_moves_no_other(home: House) -> None:
    set_it = {"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": 1}}
    stage = await made_by_a_maker(
        home,
        ("probe.view",),
        {"operation_id": "probe.echo", "params": {"value": "zero"}},
        {**set_it, "continue_on_error": True},
        {"operation_id": "probe.echo", "params": {"value": "two"}},
        {"operation_id": "probe.echo", "params": {"value": "{{steps.2.output.value}} {{steps.1.success}}"}},
    )
    run = await fired(home, stage, 0, None)
    assert run.state is RunState.SUCCEEDED
    assert [(record.index, record.state.value) for record in run.steps] == [
        (0, "succeeded"),
        (1, "denied"),
        (2, "succeeded"),
        (3, "succeeded"),
    ]
    assert run.steps[3].output == {"value": "two false"}
    assert ("plan", 1) not in current().calls
    assert (await home.app.store.list_changes(home.admin.organisation_id, 10, None)).items == []


BROKEN = (
    Unavailable("NO_DB", "Gone."),
    RuntimeError("x"),
    KeyError("x"),
    OSError(5, "x"),
    TimeoutError(),
    MemoryError(),
)


@pytest.mark.promise("P1", count=len(BROKEN) * 4 * 6)
async def test_a_checker_that_raises_denies(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    store, looked_up = home.app.store, home.app.store.get_tenant
    stages = [Stage(home, "deactivate", source) for source in sources(home.controller)]
    for stage in stages:
        await stage.furnish()
    for stage in stages:
        for error in BROKEN:
            for after in range(6):
                await _break(home, stage, error, after, monkeypatch)
                monkeypatch.setattr(store, "get_tenant", looked_up)
                home.app.bus.publish(TOPIC, None)


async def _break(home: House, stage: Stage, error: Exception, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.gone, stage.called, stage.too_late = False, [], []

    async def raises(*_: Json) -> None:
        raise error

    def heard(word: str) -> None:
        stage.heard(word)
        if len(stage.called) == after:
            begin()

    def begin() -> None:
        monkeypatch.setattr(home.app.store, "get_tenant", raises)
        home.app.bus.publish(TOPIC, None)
        stage.gone = True

    current().on_call = lambda _value: heard(current().calls[-1][0])
    monkeypatch.setattr(StructuredLog, "line", lambda _self, _message, _call: heard("log"))
    if after == 0:
        begin()
    run = await fired(home, stage, 0, None)
    assert stage.too_late == []
    assert len(stage.called) == after
    check_numbers(run, stage.source["steps"])
    assert any(record.state is StepState.DENIED for record in run.steps)


@pytest.mark.promise("P1")
@pytest.mark.parametrize("what", ["get_tenant", "list_tenants", "find_controllers"])
async def test_what_changes_during_a_look_up_is_not_overlooked(
    home: House, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    set_it = {"operation_id": "probe.set", "params": {"controller_id": home.controller.id, "value": 1}}
    stage = await made_by_a_maker(home, MAKER, set_it)
    original = getattr(home.app.store, what)
    asked: list[Json] = []

    async def revoked_meanwhile(*arguments: Json) -> Json:
        answer = await original(*arguments)
        asked.append(arguments)
        if len(asked) == 1:
            await stage.revoke("")
        return answer

    home.app.bus.publish(TOPIC, None)
    monkeypatch.setattr(home.app.store, what, revoked_meanwhile)
    run = await fired(home, stage, 0, None)
    assert run.steps[0].state is StepState.DENIED
    assert asked
    assert current().calls == []


@pytest.mark.promise("P1")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_write_is_not_planned_when_the_right_goes_while_its_artifact_is_copied(
    home: House, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    elsewhere = (await home.app.administration.add_site(home.admin, "elsewhere")).id
    steps = [
        {"operation_id": "probe.picture", "params": {"value": 1}},
        {"operation_id": "probe.keep", "params": {"controller_id": home.controller.id, "value": "{{trigger.n}}"}},
    ]
    stage = Stage(home, kind, {"source_event": "probe.thing.happened", "steps": steps})
    await stage.furnish()
    keep = home.app.artifacts.keep

    async def slow(artifact: Json) -> Json:
        await stage.revoke(elsewhere)
        return await keep(artifact)

    monkeypatch.setattr(home.app.artifacts, "keep", slow)
    run = await fired(home, stage, 0, None)
    assert [record.state.value for record in run.steps] == ["succeeded", "denied"]
    assert (await home.app.store.list_changes(home.admin.organisation_id, 10, None)).items == []


@pytest.mark.promise("P1")
async def test_a_firing_that_waits_does_not_run_once_its_connection_is_disabled(home: House) -> None:
    paced = {"name": "paced", "source_event": "probe.thing.happened", "max_rate": "1/s"}
    connection = await home.connect({**paced, "steps": [{"operation_id": "probe.echo", "params": {"value": 1}}]})
    await home.happen({})
    await home.happen({})
    await home.app.authoring.update(home.admin, connection, {"enabled": False})
    assert sorted(run.state.value for run in await home.settled(2)) == ["skipped", "succeeded"]
    assert len(current().calls) == 1


async def test_a_role_counts_however_many_stand_before_it(home: House) -> None:
    work, admin = home.app.administration, home.admin
    for number in range(201):
        await work.put_role(admin, f"r{number:03}", ())
    await work.put_role(admin, "zealot", ("probe.view",))
    user = await work.add_user(admin, "late", None, (Grant("zealot"),))
    actor = await home.app.directory.find_actor(admin.organisation_id, user.id)
    assert actor is not None
    assert actor.holds("probe.view")
