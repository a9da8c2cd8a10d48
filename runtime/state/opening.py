"""Opening the state file: which SQLite is fit, how the connection is set, what the tables are."""

from pathlib import Path

import apsw

from catalog.errors import Unavailable

_FIT = (3, 51, 3)
APPLICATION_ID = 0x46_61_62_44
SCHEMA = 1
_TABLES = """
CREATE TABLE document (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (kind, id)
) STRICT
"""


def check_version(version: str) -> None:
    """Refuse a SQLite whose WAL can corrupt a database. Raises Unavailable SQLITE_TOO_OLD."""
    if tuple(int(part) for part in version.split(".")[:3]) < _FIT:
        raise Unavailable(
            "SQLITE_TOO_OLD",
            f"SQLite {version} can corrupt a database in WAL mode.",
            hint="Install `apsw` 3.51.3 or later; it brings its own SQLite.",
        )


def open_connection(path: Path) -> apsw.Connection:
    """The one connection; after a stop that was not clean the file is checked first. Blocks.

    Raises Unavailable STATE_FOREIGN, STATE_NEWER, STATE_CORRUPT; apsw.Error.
    """
    wal = path.with_name(path.name + "-wal")
    unclean = wal.exists() and wal.stat().st_size > 0
    path.touch(mode=0o600)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=20)
    try:
        fresh = _is_fresh(connection)
        _set(connection)
        if unclean:
            _check(connection)
        if fresh:
            _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(2_000)
    for name, value in (
        ("trusted_schema", "off"),
        ("cell_size_check", "on"),
        ("mmap_size", 0),
        ("journal_mode", "wal"),
        ("synchronous", "full"),
        ("foreign_keys", "on"),
        ("cache_size", -2_048),
    ):
        connection.pragma(name, value)


def _check(connection: apsw.Connection) -> None:
    problems = [row[0] for row in connection.execute("PRAGMA quick_check(20)") if row[0] != "ok"]
    if problems:
        raise Unavailable(
            "STATE_CORRUPT",
            f"The daemon's state file is damaged: {problems[0]}.",
            hint="Stop the daemon, keep a copy of the file, and put back a good one or start with none.",
            details={"problems": problems},
        )


def _is_fresh(connection: apsw.Connection) -> bool:
    """Has it no tables yet? A file that is not ours is refused before anything in it is changed."""
    version = int(connection.pragma("user_version"))
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()[0][0]
    if tables and connection.pragma("application_id") != APPLICATION_ID:
        raise Unavailable(
            "STATE_FOREIGN", "The daemon's state file belongs to another program.", hint="Choose another `data_dir`."
        )
    if version > SCHEMA:
        raise Unavailable(
            "STATE_NEWER",
            f"The daemon's state has schema {version}; this version knows {SCHEMA}.",
            hint="Start the newer version again.",
        )
    return version == 0


def _make_tables(connection: apsw.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLES)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("COMMIT")
