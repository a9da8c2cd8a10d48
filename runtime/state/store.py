"""StateStore: documents by kind and id in one SQLite file. Who stores a document knows what its bytes mean."""

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw

from catalog.errors import FabricError, Unavailable
from runtime.state.failures import translated
from runtime.state.lock import OwnerLock
from runtime.state.opening import check_version, open_connection

Document = tuple[str, str, bytes]
Key = tuple[str, str]

_PUT = "INSERT INTO document (kind, id, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_DELETE = "DELETE FROM document WHERE kind = ? AND id = ?"


class StateStore:
    """A write has ended when it is on the disk. Killed at any moment, the file holds the old document or the new one.

    Writes wait in a queue; a thread takes all that have gathered in one commit. A caller who is cancelled changes
    nothing about his write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection | None = None
        self._lock: OwnerLock | None = None
        self._use = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "state")
        self._queue: list[_Write] = []
        self._under_way: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Open, or make, the file (0600) and its directory (0700).

        Raises Unavailable DATA_DIR_IN_USE, SQLITE_TOO_OLD, STATE_FOREIGN, STATE_NEWER, STATE_CORRUPT,
        STATE_UNAVAILABLE.
        """
        check_version(apsw.sqlite_lib_version())
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = OwnerLock(self._path.with_name(self._path.name + ".lock"))
        except OSError as error:
            raise Unavailable(
                "STATE_UNAVAILABLE",
                f"`{self._path.parent}` cannot be used: {error.strerror}.",
                hint="Make it writable for the daemon's user, or name another `data_dir`.",
            ) from None
        try:
            self._connection = open_connection(self._path)
        except apsw.Error as error:
            lock.release()
            raise translated(error) from None
        except BaseException:
            lock.release()
            raise
        self._lock = lock

    async def put(self, kind: str, id: str, document: bytes) -> None:
        """Keep `document`, in the place of the one before. Raises Unavailable STATE_*."""
        await self.put_many([(kind, id, document)])

    async def delete(self, kind: str, id: str) -> None:
        """Forget a document; one that is not there is no error. Raises Unavailable STATE_*."""
        await self.put_many([], gone=[(kind, id)])

    async def put_many(self, documents: Iterable[Document], *, gone: Iterable[Key] = ()) -> None:
        """Keep `documents` and forget what `gone` names: all of it or nothing. Raises Unavailable STATE_*."""
        await self.queue(documents, gone=gone)

    def queue(self, documents: Iterable[Document], *, gone: Iterable[Key] = ()) -> "asyncio.Future[None]":
        """As `put_many`, without waiting: it is in the queue at once, and what is queued later is not kept without it.

        The future ends with its commit, or Unavailable STATE_*. Raises Unavailable STATE_CLOSED.
        """
        if self._connection is None:
            raise _closed()
        write = _Write(tuple(documents), tuple(gone), asyncio.get_running_loop().create_future())
        self._queue.append(write)
        if self._under_way is None:
            self._start()
        return write.done

    def load(self, kind: str) -> list[bytes]:
        """Every document of a kind, oldest first. For the start: it reads on the loop. Raises Unavailable STATE_*."""
        if self._connection is None:
            raise _closed()
        try:
            with self._use:
                rows = self._connection.execute("SELECT body FROM document WHERE kind = ? ORDER BY rowid", (kind,))
                return [row[0] for row in rows]
        except apsw.Error as error:
            raise translated(error) from None

    async def close(self) -> None:
        """Finish what is queued, then let the file and its lock go."""
        while self._under_way is not None:
            await asyncio.wait([self._under_way])
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown()
        if self._lock is not None:
            self._lock.release()

    def _start(self) -> None:
        batch, self._queue = self._queue, []
        self._under_way = asyncio.get_running_loop().run_in_executor(self._thread, self._commit, batch)
        self._under_way.add_done_callback(lambda landed: self._landed(batch, landed))

    def _commit(self, batch: "list[_Write]") -> None:
        connection = self._connection
        if connection is None:
            raise _closed()
        with self._use:
            try:
                connection.execute("BEGIN IMMEDIATE")
                for write in batch:
                    connection.executemany(_DELETE, write.gone)
                    connection.executemany(_PUT, write.documents)
                connection.execute("COMMIT")
            except apsw.Error as error:
                raise translated(error) from None
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _landed(self, batch: "list[_Write]", landed: "asyncio.Future[None]") -> None:
        error = landed.exception()
        self._under_way = None
        for write in batch:
            if write.done.done():
                continue
            if error is None:
                write.done.set_result(None)
            else:
                write.done.set_exception(_again(error))
        if self._queue:
            self._start()


class _Write:
    """One caller's documents, and the future that ends with their commit."""

    __slots__ = ("documents", "done", "gone")

    def __init__(self, documents: tuple[Document, ...], gone: tuple[Key, ...], done: "asyncio.Future[None]") -> None:
        self.documents = documents
        self.gone = gone
        self.done = done


def _again(error: BaseException) -> BaseException:
    """The same error anew: many callers share a batch, and each raises his own."""
    if isinstance(error, FabricError):
        return Unavailable(error.code, error.message, hint=error.hint, details=error.details)
    return error


def _closed() -> Unavailable:
    return Unavailable("STATE_CLOSED", "The daemon's state is closed.", hint="Try again once the daemon is up.")
