"""Migrations: each in one transaction, its version last, so that a crash leaves the old schema or the new one."""

import apsw

from catalog.errors import Unavailable
from engine import failpoints
from engine.stores.sqlite.schema import APPLICATION_ID, MIGRATIONS


def migrate(connection: apsw.Connection, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Bring the database to the newest version. Raises Unavailable STORE_FOREIGN, STORE_NEWER."""
    version = _version(connection, len(migrations))
    for number, statements in enumerate(migrations[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            failpoints.hit("store.migrate")
            connection.execute(statement)
        failpoints.hit("store.migrate")
        connection.execute(f"PRAGMA user_version = {number}")
        failpoints.hit("store.migrate")
        connection.execute("COMMIT")
        failpoints.hit("store.migrate")


def _version(connection: apsw.Connection, newest: int) -> int:
    version = int(connection.pragma("user_version"))
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()[0][0]
    if tables and connection.pragma("application_id") != APPLICATION_ID:
        raise Unavailable(
            "STORE_FOREIGN", "The database file belongs to another program.", hint="Name another file or directory."
        )
    if version > newest:
        raise Unavailable(
            "STORE_NEWER",
            f"The store has schema {version}; this version knows {newest}.",
            hint="Start the newer version again.",
        )
    return version
