"""Where stores live in tests: each kind of store can be opened, left without a goodbye, and opened again."""

from pathlib import Path
from typing import Protocol

from engine.ports import Store
from engine.stores.sqlite import open_store
from engine.stores.sqlite.store import SqliteStore
from tests.fakes.clock import FakeClock
from tests.fakes.told import ToldBus


class Home(Protocol):
    """One database over several lives of a process."""

    clock: FakeClock
    bus: ToldBus

    async def open(self) -> Store:
        """Open it as a new process; whatever was open before is dead."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class SqliteHome:
    """A SQLite file."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.bus = ToldBus()
        self.path = folder / "fabric.sqlite"
        self.store: SqliteStore | None = None
        self._lives = 0

    async def open(self) -> SqliteStore:
        """Open it as a new process would, with a monotonic clock that starts anew."""
        await self.close()
        self._lives += 1
        self.clock.steady = 10.0 * self._lives
        self.store = await open_store(self.path, clock=self.clock, owner=f"life-{self._lives}", bus=self.bus)
        return self.store

    async def close(self) -> None:
        """Close what is open."""
        if self.store is not None:
            await self.store.close()
            self.store = None


HOMES = {"sqlite": SqliteHome}
"""Every Store. PostgreSQL joins here."""
