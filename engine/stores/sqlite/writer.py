"""Writer: group commit without a timer. See docs/decisions/0002-group-commit.md."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import apsw

from catalog.errors import Unavailable
from engine import failpoints
from engine.ports import Bus
from engine.records import FEED
from engine.stores.sqlite.checkpoint import Checkpointer
from engine.stores.sqlite.commit_thread import CommitThread
from engine.stores.sqlite.failures import refused, translated
from engine.stores.sqlite.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")

BATCH_WORKS = 128
BATCH_SECONDS = 0.004
BEGIN_TRIES = 200
BEGIN_PAUSE = 0.025


class Work(Generic[T]):
    """One caller's part of a batch, and what became of it."""

    __slots__ = ("error", "future", "guarded", "name", "result", "run")

    def __init__(self, name: str, run: Callable[[Transaction], T], guarded: bool, future: "asyncio.Future[T]") -> None:
        self.name = name
        self.run = run
        self.guarded = guarded
        self.future = future
        self.result: T | None = None
        self.error: Exception | None = None


class Writer:
    """The one writing connection.

    Work is executed on the event loop, all that has queued in one transaction; only the COMMIT, whose fsync takes the
    time, goes to a thread. While it runs, new work queues and becomes the next batch. A caller who is cancelled
    disturbs nothing: the batch owns the outcome.
    """

    def __init__(self, transaction: Transaction, checkpointer: Checkpointer, bus: Bus) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._checkpointer = checkpointer
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Work[Any]] = deque()
        self._batch: list[Work[Any]] = []
        self._told: list[str] = []
        self._busy = False
        self._tries = 0
        self._closing: asyncio.Future[None] | None = None
        self._thread = CommitThread()
        self._connection.set_busy_timeout(0)

    def submit(
        self, name: str, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        """Do `work` in the next batch; the future ends after its commit.

        `work` may raise at any point: it has a savepoint of its own. Raises Unavailable STORE_CLOSED.
        """
        return self._put(name, lambda transaction: work(transaction, *args, **kwargs), True)

    def submit_plain(
        self, name: str, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        """As `submit`, without the savepoint: for work that fails, if it does, before it writes anything.

        Should it fail later all the same, the whole batch is rolled back and done again with savepoints.
        """
        return self._put(name, lambda transaction: work(transaction, *args, **kwargs), False)

    async def scrub(self) -> None:
        """Returns once the log has been cut, unless a reader holds on to it."""
        self._checkpointer.cut()
        # The checkpoint follows the commit of the first and comes before the second.
        await self.submit("scrub", _nothing)
        await self.submit("scrub", _nothing)

    def _put(self, name: str, run: Callable[[Transaction], T], guarded: bool) -> "asyncio.Future[T]":
        if self._closing is not None:
            raise Unavailable("STORE_CLOSED", "The store is closed.", hint="Try again once the server is up.")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.append(Work(name, run, guarded, future))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._start)
        return future

    async def close(self) -> None:
        """Finish what is queued and end the thread. The connection is the caller's to close."""
        if self._closing is None:
            self._closing = self._loop.create_future()
            if not self._busy:
                self._closing.set_result(None)
        await asyncio.shield(self._closing)
        await self._thread.close()

    def _start(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            self._put_off(error)
            return
        self._tries = 0
        try:
            try:
                self._fill()
            except _Spoiled:
                self._refill()
            self._told = self._transaction.write_feed() if self._transaction.feed else []
        except _Lost as lost:
            self._lose(lost.error)
        except apsw.Error as error:
            self._lose(error)
        else:
            self._thread.do(self._commit, self._ended)

    def _fill(self) -> None:
        until = time.perf_counter() + BATCH_SECONDS
        works, batch = self._queue, self._batch
        while works and len(batch) < BATCH_WORKS:
            work = works.popleft()
            batch.append(work)
            if work.guarded:
                self._perform_guarded(work)
            else:
                self._perform(work)
            if time.perf_counter() > until:
                break

    def _refill(self) -> None:
        self._connection.execute("ROLLBACK")
        self._transaction.forget()
        self._connection.execute("BEGIN IMMEDIATE")
        for work in self._batch:
            work.error = None
            self._perform_guarded(work)

    def _perform(self, work: Work[Any]) -> None:
        transaction = self._transaction
        told, before = len(transaction.feed), self._connection.total_changes()
        try:
            self._run(work)
        except Exception as error:  # noqa: BLE001 - it goes to its caller; the others' batch must not fall with it
            self._refuse(work, error, told)
            if self._connection.total_changes() != before:
                raise _Spoiled from None

    def _perform_guarded(self, work: Work[Any]) -> None:
        execute, told = self._connection.execute, len(self._transaction.feed)
        execute("SAVEPOINT work")
        try:
            self._run(work)
        except Exception as error:  # noqa: BLE001 - it goes to its caller; the others' batch must not fall with it
            self._refuse(work, error, told)
            execute("ROLLBACK TO work")
        execute("RELEASE work")

    def _run(self, work: Work[Any]) -> None:
        if failpoints.ARMED:
            failpoints.hit(f"store.{work.name}.before_statements")
            work.result = work.run(self._transaction)
            failpoints.hit(f"store.{work.name}.after_statements")
        else:
            work.result = work.run(self._transaction)

    def _refuse(self, work: Work[Any], error: Exception, told: int) -> None:
        """Note what work raised. A full or failing disk makes SQLite roll everything back: then the batch is lost."""
        work.error = error
        del self._transaction.feed[told:]
        if not self._connection.in_transaction:
            raise _Lost(error)

    def _put_off(self, error: apsw.Error) -> None:
        self._tries += 1
        if isinstance(error, apsw.BusyError) and self._tries < BEGIN_TRIES:
            self._loop.call_later(BEGIN_PAUSE, self._start)
            return
        self._tries = 0
        while self._queue and len(self._batch) < BATCH_WORKS:
            self._batch.append(self._queue.popleft())
        self._lose(error)

    def _lose(self, error: Exception) -> None:
        """The batch cannot be: tell its callers and go on with the next."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._committed(error)
        self._loop.call_soon(self._next)

    def _commit(self) -> Exception | None:
        """In the thread."""
        try:
            self._hit_all("before_commit")
            self._connection.execute("COMMIT")
            self._hit_all("after_commit")
        except (apsw.Error, MemoryError) as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return error
        return None

    def _hit_all(self, stage: str) -> None:
        if failpoints.ARMED:
            for work in self._batch:
                failpoints.hit(f"store.{work.name}.{stage}")

    def _ended(self, error: Exception | None) -> None:
        self._committed(error)
        if self._checkpointer.due():
            self._thread.do(self._checkpointer.run, self._next)
        else:
            self._next()

    def _committed(self, error: Exception | None) -> None:
        batch, self._batch = self._batch, []
        told, self._told = self._told, []
        if error is not None:
            self._transaction.forget()
        for work in batch:
            future = work.future
            if future.done():
                continue
            if error is not None:
                future.set_exception(refused(error))
            elif work.error is not None:
                future.set_exception(translated(work.error))
            else:
                future.set_result(work.result)
        if error is None:
            for organisation_id in told:
                self._loop.call_soon(self._bus.publish, FEED, organisation_id)

    def _next(self, _error: Exception | None = None) -> None:
        if self._queue:
            self._start()
            return
        self._busy = False
        if self._closing is not None and not self._closing.done():
            self._closing.set_result(None)


def _nothing(_transaction: Transaction) -> None:
    """Work that is nothing but its place in the queue."""


class _Spoiled(Exception):
    """Work without a savepoint has failed after it wrote."""


class _Lost(Exception):
    """SQLite has rolled the batch back."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error
