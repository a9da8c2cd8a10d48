"""SqliteStore: every Protocol of a Store on one file; and how it is opened."""

import asyncio
from pathlib import Path

import apsw
import structlog

from catalog.errors import Unavailable
from engine.folders import sync_folder
from engine.ports import Bus, Clock
from engine.stores.sqlite.changes import ChangesPart
from engine.stores.sqlite.checkpoint import Checkpointer
from engine.stores.sqlite.connections import ConnectionsPart
from engine.stores.sqlite.credentials import CredentialsPart
from engine.stores.sqlite.events import EventsPart
from engine.stores.sqlite.failures import translated
from engine.stores.sqlite.housekeeping import HousekeepingPart
from engine.stores.sqlite.journal import JournalPart
from engine.stores.sqlite.lock import FileLock
from engine.stores.sqlite.migrate import migrate
from engine.stores.sqlite.opening import check_version, open_writer
from engine.stores.sqlite.part import Seat
from engine.stores.sqlite.plugins import PluginsPart
from engine.stores.sqlite.readers import Readers
from engine.stores.sqlite.removing import RemovalPart
from engine.stores.sqlite.run_queries import RunQueriesPart
from engine.stores.sqlite.runs import RunsPart
from engine.stores.sqlite.sealed import SealedPart
from engine.stores.sqlite.secrets import SecretsPart
from engine.stores.sqlite.spending import SpendingPart
from engine.stores.sqlite.tenancy import TenancyPart
from engine.stores.sqlite.transaction import Transaction
from engine.stores.sqlite.writer import Writer

_log = structlog.get_logger()


class SqliteStore(
    EventsPart,
    RunsPart,
    RunQueriesPart,
    ChangesPart,
    ConnectionsPart,
    TenancyPart,
    CredentialsPart,
    SpendingPart,
    SecretsPart,
    SealedPart,
    RemovalPart,
    PluginsPart,
    JournalPart,
    HousekeepingPart,
):
    """A Store in one SQLite file. See engine.ports."""


async def open_store(path: Path, *, clock: Clock, owner: str, bus: Bus, vfs: str | None = None) -> SqliteStore:
    """Open (or make) the database at `path` for this event loop. `owner` names this process's life in leases.

    After a stop that was not clean the file is checked first. `vfs` is for tests that stand before the disk.
    Raises Unavailable SQLITE_TOO_OLD, DATA_DIR_IN_USE, STORE_FOREIGN, STORE_NEWER, STORE_CORRUPT, STORE_UNAVAILABLE.
    """
    check_version(apsw.sqlite_lib_version())
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        connection = await asyncio.to_thread(_prepared, path, vfs)
        transaction = Transaction(connection, clock, owner)
        readers = Readers(path, vfs)
    except apsw.Error as error:
        lock.release()
        raise translated(error) from None
    except BaseException:
        lock.release()
        raise
    return SqliteStore(Seat(transaction, Writer(transaction, Checkpointer(connection), bus), readers, lock))


def _prepared(path: Path, vfs: str | None) -> apsw.Connection:
    wal = path.with_name(path.name + "-wal")
    unclean = wal.exists() and wal.stat().st_size > 0
    fresh = not path.exists()
    connection = open_writer(path, vfs)
    try:
        if fresh:
            path.chmod(0o600)
        if unclean:
            _check(connection, path)
        migrate(connection)
        sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: apsw.Connection, path: Path) -> None:
    _log.info("store_checked_after_unclean_stop", path=str(path))
    problems = [row[0] for row in connection.execute("PRAGMA quick_check(20)") if row[0] != "ok"]
    if problems:
        raise Unavailable(
            "STORE_CORRUPT",
            f"The store's file is damaged: {problems[0]}.",
            hint="Stop, keep a copy, restore the last backup.",
            details={"problems": problems},
        )
