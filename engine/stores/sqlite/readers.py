"""Readers: connections that only read, beside the writer."""

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from engine.stores.sqlite.failures import translated
from engine.stores.sqlite.opening import open_reader

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 2

Rows = list[tuple[Any, ...]]


class Reading:
    """One reading connection. A statement is read to its end at once, so that no snapshot outlives it."""

    __slots__ = ("_connection", "_execute")

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    def rows(self, statement: str, bindings: Any = None) -> Rows:
        """All rows of the answer."""
        return self._execute(statement, bindings).fetchall()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Readers:
    """A look-up by key is answered on the event loop (`now`: some 10 µs, the page is nearly always in memory); what may
    read many rows goes to one of two threads (`run`), so that the loop goes on and snapshots stay few and short.
    """

    def __init__(self, path: Path, vfs: str | None) -> None:
        self._here = Reading(open_reader(path, vfs))
        self._all = [Reading(open_reader(path, vfs)) for _ in range(THREADS)]
        self._free: queue.SimpleQueue[Reading] = queue.SimpleQueue()
        for reading in self._all:
            self._free.put(reading)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="store-read")

    def now(self, statement: str, bindings: Any = None) -> Rows:
        """Read on the loop: for look-ups by key."""
        try:
            return self._here.rows(statement, bindings)
        except apsw.Error as error:
            raise translated(error) from None

    async def run(self, work: Callable[Concatenate[Reading, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read in a thread."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, self._lent, lambda reading: work(reading, *args, **kwargs)
        )

    def _lent(self, work: Callable[[Reading], T]) -> T:
        reading = self._free.get()
        try:
            return work(reading)
        except apsw.Error as error:
            raise translated(error) from None
        finally:
            self._free.put(reading)

    def close(self) -> None:
        """Wait for what is being read, then close. Blocks."""
        self._pool.shutdown()
        for reading in (self._here, *self._all):
            reading.close()
