"""Opening connections: which SQLite is fit, and how each connection is set."""

from pathlib import Path

import apsw

from catalog.errors import Unavailable

_FIT = (3, 51, 3)
_BACKPORTS = ((3, 44, 6), (3, 50, 7))
WRITER_BUSY_MS = 5_000
_READER_BUSY_MS = 2_000
_WRITER_CACHE_KIB = 8_192
_READER_CACHE_KIB = 2_048


def is_fit(version: str) -> bool:
    """Is this SQLite free of the WAL-reset race, which can corrupt a database that has more than one connection?"""
    parts = tuple(int(part) for part in version.split(".")[:3])
    return parts >= _FIT or any(parts[:2] == line[:2] and parts >= line for line in _BACKPORTS)


def check_version(version: str) -> None:
    """Refuse an unfit SQLite. Raises Unavailable SQLITE_TOO_OLD."""
    if not is_fit(version):
        raise Unavailable(
            "SQLITE_TOO_OLD",
            f"SQLite {version} can corrupt a database in WAL mode.",
            hint="Install `apsw` 3.51.3 or later; it brings its own SQLite.",
        )


def open_writer(path: Path, vfs: str | None) -> apsw.Connection:
    """The one connection that writes and checkpoints."""
    connection = _open(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs)
    connection.set_busy_timeout(WRITER_BUSY_MS)
    # What is written over is zeroed where that costs no write: sealed values under an old key leave no copy in a page.
    connection.pragma("secure_delete", "fast")
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", 0)
    connection.pragma("foreign_keys", "on")
    connection.pragma("recursive_triggers", "on")
    connection.pragma("cache_size", -_WRITER_CACHE_KIB)
    return connection


def open_reader(path: Path, vfs: str | None) -> apsw.Connection:
    """A connection that only reads."""
    connection = _open(path, apsw.SQLITE_OPEN_READONLY, vfs)
    connection.set_busy_timeout(_READER_BUSY_MS)
    connection.pragma("query_only", "on")
    connection.pragma("cache_size", -_READER_CACHE_KIB)
    return connection


def _open(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=200)
    connection.pragma("trusted_schema", "off")
    connection.pragma("cell_size_check", "on")
    connection.pragma("mmap_size", 0)
    return connection
