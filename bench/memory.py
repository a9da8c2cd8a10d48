"""An engine without a store, for what is measured in process: real registry, gate, Negotiator and runner."""

from collections.abc import Awaitable, Callable

import msgspec

from catalog.catalog import Catalog
from catalog.errors import NotFound
from catalog.provider import Call, Ports, Provider
from catalog.registry import Registry
from engine.buses.memory import MemoryBus
from engine.clock import SystemClock
from engine.directory import Directory
from engine.entries import Entry
from engine.firing import Firing
from engine.gate import Gate
from engine.negotiator import Negotiator
from engine.records import StoredConnection
from engine.runner import Runner
from engine.staging import Staging
from engine.targets import TargetFinder
from engine.tenancy import ORG_ADMIN, Grant, User
from runtime.providers import NATIVE


class MemoryLog:
    """Where `fabric.log` writes in a benchmark: it counts, and keeps the last line."""

    def __init__(self) -> None:
        self.lines = 0
        self.last: str | None = None

    def line(self, message: str | None, call: Call) -> None:
        """Take one line."""
        self.lines += 1
        self.last = message


class _People:
    """One administrator; the only table that the gate reads here."""

    async def get_tenant(self, kind: type, organisation_id: str, row_id: str) -> User:
        if kind is not User:
            raise NotFound("NOT_FOUND", "There is nothing else here.")
        return User(id=row_id, organisation_id=organisation_id, name=row_id, grants=(Grant(ORG_ADMIN),))


class _NoSeal:
    def seal(self, plain: bytes) -> bytes:
        return plain

    def open(self, sealed: bytes) -> bytes:
        return sealed

    def renewed(self, sealed: bytes) -> bytes | None:
        return sealed


class InProcess(msgspec.Struct, frozen=True):
    """What a benchmark calls."""

    entry: Callable[[StoredConnection], Entry]
    runner_run: Callable[[Firing], Awaitable[None]]
    catalog: Callable[[], Catalog]


def engine_without_store(log: MemoryLog, *more: Provider) -> InProcess:
    """Join the parts that need no store; `more` are providers beside our own."""
    clock, bus = SystemClock(), MemoryBus()
    registry = Registry((*NATIVE, *more))
    registry.current()
    directory = Directory(_People(), registry, clock, bus)  # type: ignore[arg-type]  # the one method that is called
    targets = TargetFinder(directory, _NoSeal())
    ports = Ports(log=log, http=None, mail=None, inbox=None, artifacts=None)  # type: ignore[arg-type]  # only log is used
    negotiator = Negotiator(registry, ports, Gate(directory), targets, Staging(targets, None, clock, lifetime=1.0))
    runner = Runner(negotiator, clock)
    return InProcess(lambda stored: Entry(stored, registry.current), runner.run, registry.current)
