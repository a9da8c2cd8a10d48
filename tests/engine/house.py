"""A whole engine in one process for tests: the real wiring and store, and a provider whose operations tests steer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.first_start import first_start
from api.settings import Settings
from api.wiring import Application, build
from catalog.artifacts import ArtifactRef
from catalog.changes import Change
from catalog.daemons import LOCAL_DAEMON
from catalog.errors import TargetFailed
from catalog.events import Event, EventSpec
from catalog.jsonvalue import Json
from catalog.operations import OperationSet, Read, WriteEntry
from catalog.provider import Call
from engine.audit import audit_row, system_actor
from engine.runs import Run
from engine.tenancy import ORG_ADMIN, Actor, Controller, Grant, Organisation, Site, User
from runtime.drivers import opening
from runtime.providers import NATIVE
from tests.fakes.drivers import fake_driver

operations = OperationSet("probe")


class Anything(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever settings a test gives."""

    address: str = ""


class Password(msgspec.Struct, frozen=True, kw_only=True):
    """How one gets in."""

    password: str = ""


# The driver of the tests' own controllers, known wherever a house or a server of theirs is.
opening.KNOWN["probe"] = fake_driver("probe", settings=Anything, credentials=Password, devices=False)


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Anything to give back."""

    value: Json = None


class Echo(msgspec.Struct, frozen=True):
    """What was said."""

    value: Json


class Picture(msgspec.Struct, frozen=True):
    """A picture as artifact."""

    artifact: ArtifactRef


class Aim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to set on the target."""

    controller_id: Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
    value: Json = None


class Done(msgspec.Struct, frozen=True):
    """That it was set."""

    done: bool


class Steering:
    """What the probe's operations do; a test sets it and reads what was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.deliveries: list[str] = []
        self.failures: dict[str, list[Exception]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.state: Json = "before"
        self.applied: list[tuple[str, Json, str]] = []
        self.on_call: Callable[[Json], Any] | None = None

    async def meet(self, word: str, value: Json, call: Call) -> None:
        """Note a call, wait where the test says, fail where it says."""
        self.calls.append((word, value))
        self.deliveries.append(call.delivery_id)
        if self.on_call is not None:
            given = self.on_call(value)
            if given is not None:
                await given
        gate = self.gates.get(str(value))
        if gate is not None:
            await gate.wait()
        failures = self.failures.get(str(value))
        if failures:
            raise failures.pop(0)


steering = Steering()
on_apply: Callable[[Change, Call], None] = lambda change, call: None  # noqa: E731 - replaced by sessions that are killed


@operations.read("echo", permission="probe.view")
async def echo(said: Said, call: Call) -> Echo:
    """Give back what was said."""
    await steering.meet("echo", said.value, call)
    return Echo(said.value)


@operations.read("picture", permission="probe.view", produces=["image/jpeg"])
async def picture(said: Said, call: Call) -> Picture:
    """Take a picture."""
    await steering.meet("picture", said.value, call)
    return Picture(await call.ports.artifacts.put(f"picture {said.value}".encode(), "image/jpeg"))


@operations.read("look", permission="probe.view", accepts=["image/jpeg"])
async def look(said: Said, call: Call) -> Echo:
    """Tell which picture it was given."""
    return Echo(call.artifact.sha256 if call.artifact else None)


@operations.write("set", permission="probe.set")
class Set:
    """Set the target's value."""

    async def plan(self, aim: Aim, call: Call) -> Change:
        """What would be set."""
        await steering.meet("plan", aim.value, call)
        return Change(
            target_id="probe",
            request={"value": aim.value},
            before=steering.state,
            after=aim.value,
            precondition=steering.state,
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """What is set now."""
        return steering.state

    async def apply(self, change: Change, call: Call) -> Done:
        """Set it."""
        on_apply(change, call)
        steering.applied.append((call.change_id, change.request, call.actor_id))
        await steering.meet("apply", change.request["value"], call)
        steering.state = change.request["value"]
        return Done(True)


@operations.write("keep", permission="probe.set", accepts=["image/*"])
class Keep:
    """Keep a picture on the target; each is a thing of its own there."""

    async def plan(self, aim: Aim, call: Call) -> Change:
        """What would be kept."""
        return Change(target_id=str(aim.value), request={"value": aim.value}, after=aim.value)

    async def observe(self, change: Change, call: Call) -> Json:
        """Nothing it rests on."""
        return None

    async def apply(self, change: Change, call: Call) -> Done:
        """Keep it, reading every byte."""
        assert call.artifact is not None
        size = 0
        async for chunk in call.ports.artifacts.open(call.artifact):
            size += len(chunk)
        assert size == call.artifact.size
        on_apply(change, call)
        return Done(True)


class Probe:
    """The provider of the probe's operations and events."""

    def operations(self) -> Any:
        """Its operations."""
        return iter(operations)

    def events(self) -> tuple[EventSpec, ...]:
        """One open event."""
        return (EventSpec(event_type="probe.thing.happened", title="Something happened", module="probe"),)

    def code(self, operation_id: str) -> Read | WriteEntry | None:
        """The code behind them."""
        return operations.code(operation_id)


def flaky(times: int) -> list[Exception]:
    """Failures of the outside."""
    return [TargetFailed("TARGET_FAILED", "The target fails.") for _ in range(times)]


class House(msgspec.Struct, frozen=True):
    """A started engine with an organisation, its administrator and a controller."""

    app: Application
    admin: Actor
    site: Site
    controller: Controller

    async def neighbour(self) -> "House":
        """The same engine seen from another organisation, with an administrator, a site and a controller of its own."""
        store, clock = self.app.store, self.app.clock
        other = Organisation(id=clock.new_id(), name=f"other-{clock.new_id()}", created_at=clock.now())
        system = system_actor(other.id)
        await store.put_tenant(other, audit_row(system, "organisation.created", other.id, clock))
        site = Site(id=clock.new_id(), organisation_id=other.id, name="default", created_at=clock.now())
        await store.put_tenant(site, audit_row(system, "site.created", site.id, clock))
        user = User(id=clock.new_id(), organisation_id=other.id, name="admin", grants=(Grant(ORG_ADMIN),), revision=0)
        await store.put_tenant(user, audit_row(system, "user.created", user.id, clock))
        return await _furnished(self.app, other)

    async def connect(self, source: Json) -> str:
        """Store a Connection; its id."""
        return (await self.app.authoring.create(self.admin, msgspec.json.encode(source))).id

    def event(self, payload: Json, event_type: str = "probe.thing.happened", **facts: Any) -> Event:
        """An event of this organisation, not yet accepted."""
        clock = self.app.clock
        return Event(
            id=clock.new_id(),
            organisation_id=self.admin.organisation_id,
            type=event_type,
            payload=payload,
            time=clock.now(),
            **facts,
        )

    async def happen(self, payload: Json, event_type: str = "probe.thing.happened", **facts: Any) -> Event:
        """Make an event happen."""
        event = self.event(payload, event_type, **facts)
        await self.app.engine.publish(event)
        return event

    async def settled(self, count: int, seconds: float = 10.0) -> list[Run]:
        """All runs, once `count` of them are over, oldest first."""
        async with asyncio.timeout(seconds):
            while True:
                page = await self.app.store.list_runs(self.admin.organisation_id, 200, None)
                if len(page.items) >= count and all(run.state.over for run in page.items):
                    runs = [await self.app.store.get_run(run.organisation_id, run.id) for run in page.items]
                    return runs[::-1]
                await asyncio.sleep(0.01)

    async def fire(self, steps: list[Json], payload: Json = None, **fields: Json) -> Run:
        """Store a Connection of these steps, let an event fire it, and return the run when it is over."""
        name = f"c-{self.app.clock.new_id()}"
        source = {"name": name, "source_event": "probe.thing.happened", "steps": steps, **fields}
        connection_id = await self.connect(source)
        await self.happen(payload if payload is not None else {})
        async with asyncio.timeout(10.0):
            while True:
                page = await self.app.store.list_runs(self.admin.organisation_id, 10, None, connection_id=connection_id)
                if page.items and page.items[0].state.over:
                    await self.app.authoring.delete(self.admin, connection_id)
                    return await self.app.store.get_run(self.admin.organisation_id, page.items[0].id)
                await asyncio.sleep(0.005)


@asynccontextmanager
async def house(data: Path, *, hang: str = "", **settings: Any) -> AsyncIterator[House]:
    """Build, start, and stop at the end. Writes may be applied, and nothing is watched, unless the test says otherwise.

    The value `hang` waits from the first moment for the test to open its gate.
    """
    global steering  # noqa: PLW0603 - each house has a steering of its own
    steering = Steering()
    if hang:
        steering.gates[hang] = asyncio.Event()
    chosen = Settings(
        data_dir=data,
        artifact_durable_dir=data / "durable",
        **{"adapter_read_only": False, "shutdown_seconds": 2.0, "pollers": False, **settings},
    )
    app = await build(chosen, providers=(*NATIVE, Probe()))
    await app.start()
    try:
        await first_start(app)
        yield await _furnished(app, (await app.store.organisations())[0])
    finally:
        await app.stop()


async def _furnished(app: Application, organisation: Organisation) -> House:
    users = await app.store.list_tenants(User, organisation.id, 10, None)
    admin = await app.directory.find_actor(organisation.id, users.items[0].id)
    assert admin is not None
    sites = await app.store.list_tenants(Site, organisation.id, 10, None)
    controllers = await app.store.list_tenants(Controller, organisation.id, 10, None)
    if own := [each for each in controllers.items if each.id != LOCAL_DAEMON]:
        controller = own[0]
    else:
        controller = await app.administration.add_controller(
            admin,
            site_id=sites.items[0].id,
            name="probe",
            driver="probe",
            settings={},
            credentials={"password": "canary-controller"},
            read_only=False,
        )
    return House(app, admin, sites.items[0], controller)


def current() -> Steering:
    """The steering of the house that stands now."""
    return steering
