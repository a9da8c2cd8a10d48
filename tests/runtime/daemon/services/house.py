"""Services with everything real but guests, their modules, their health, and time: for tests of what follows what."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from catalog.jsonvalue import Json
from runtime.daemon.access import Access
from runtime.daemon.events import DaemonEvent, EventBus
from runtime.daemon.logs import LogBook
from runtime.daemon.networks import Networks
from runtime.daemon.policies import Policies
from runtime.daemon.reading import read_service
from runtime.daemon.services import Services
from runtime.daemon.services.parts import Parts
from runtime.daemon.services.supervisor import Supervisor
from runtime.daemon.traffic.router import Router
from runtime.state import StateStore
from tests.fakes.daemon_clock import DaemonClock
from tests.fakes.daemon_timers import FakeTimers, settle
from tests.fakes.preparer import FakePreparer
from tests.fakes.replicas import FakeLauncher
from tests.fakes.watcher import FakeWatcher


class SmallLimits(msgspec.Struct, kw_only=True):
    """Implements runtime.daemon.services.admission.Limits."""

    max_memory_total: int = 8 << 30
    max_cpu_total: float = 8.0
    default_memory_limit: int = 512 << 20
    default_cpu_limit: float = 1.0
    max_services: int = 100
    max_replicas_per_service: int = 20


class House:
    """The parts, and short ways to ask them."""

    def __init__(self, state: StateStore, clock: DaemonClock, events: EventBus, networks: Networks) -> None:
        self.state = state
        self.clock = clock
        self.events = events
        self.told: list[DaemonEvent] = []
        events.listen(self.told.append)
        self.timers = FakeTimers(clock)
        self.logs = LogBook(clock)
        self.networks = networks
        self.policies = Policies(None, "enforce", events)
        self.access = Access(networks, self.policies, events, structlog.get_logger())
        self.router = Router(clock, self.timers)
        self.launcher = FakeLauncher()
        self.preparer = FakePreparer()
        self.watcher = FakeWatcher()
        self.limits = SmallLimits()
        self.services = Services(
            Parts(
                state=state,
                events=events,
                logs=self.logs,
                launcher=self.launcher,
                preparer=self.preparer,
                router=self.router,
                watcher=self.watcher,
                clock=clock,
                timers=self.timers,
                limits=self.limits,
                access=self.access,
                chance=random.Random(3).random,
            )
        )

    async def made(self, name: str = "api", **fields: Json) -> Supervisor:
        """A service, created and as far as it comes by itself."""
        service = await self.services.create(read_service({"name": name, "image": f"wasm://{name}:1", **fields}))
        await settle()
        return service

    def types(self) -> list[str]:
        """The types of all events so far."""
        return [each.type for each in self.told]

    def last(self, type: str) -> dict[str, Json]:
        """What the last event of a type says."""
        return dict(next(each.data for each in reversed(self.told) if each.type == type))


@asynccontextmanager
async def house(folder: Path, clock: DaemonClock | None = None) -> AsyncIterator[House]:
    """A house on `folder`; the same folder again is the daemon started again."""
    state, clock = StateStore(folder / "state.db"), clock or DaemonClock()
    await state.open()
    events = EventBus(clock)
    networks = Networks(state, events, clock)
    await networks.load()
    made = House(state, clock, events, networks)
    try:
        yield made
    finally:
        await made.services.close(0.0, force=True)
        await made.launcher.close()
        await settle()
        await state.close()
