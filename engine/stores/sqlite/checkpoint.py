"""Checkpointer: moves the write-ahead log into the database, from the writer, in the commit thread, between batches."""

import apsw
import structlog

_log = structlog.get_logger()

PAGES = 2_000
"""Pages written between two checkpoints (8 MiB): about as long as a batch may be held up."""

LARGE_WAL_PAGES = 16_384
"""A log this long (64 MiB) is one that readers kept from starting over; it is then cut with a little waiting."""

_TRUNCATE_WAIT_MS = 250


class Checkpointer:
    """Knows how much was written since the last checkpoint. To be used while nobody else uses the connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._written = self._pages()
        self._cut = False
        self.wal_pages = 0

    def cut(self) -> None:
        """The next batch is followed by a checkpoint that leaves nothing in the log."""
        self._cut = True

    def _pages(self) -> int:
        return self._connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]

    def due(self) -> bool:
        """Is it time?"""
        return self._cut or self._pages() - self._written >= PAGES

    def run(self) -> Exception | None:
        """Copy what no reader still needs. A failure does no harm (the log only stays longer) and is returned."""
        failure: apsw.Error | None = None
        try:
            self.wal_pages, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if self._cut or self.wal_pages > LARGE_WAL_PAGES:
                self._cut = False
                self._truncate()
        except apsw.Error as error:
            _log.warning("store_checkpoint_failed", reason=str(error))
            failure = error
        self._written = self._pages()
        return failure

    def _truncate(self) -> None:
        self._connection.set_busy_timeout(_TRUNCATE_WAIT_MS)
        try:
            self.wal_pages, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            _log.warning("store_wal_large", pages=self.wal_pages, hint="A reader has held its snapshot for long.")
        finally:
            self._connection.set_busy_timeout(0)
