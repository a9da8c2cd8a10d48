"""Migrations: a process that is killed at any statement leaves the old schema or the new one, and all its rows."""

import asyncio
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import apsw
import pytest

from engine.stores.sqlite.migrate import migrate
from engine.stores.sqlite.schema import MIGRATIONS
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.homes import SqliteHome
from tests.contracts.rows import ORG, Rows

UPGRADE = (
    "ALTER TABLE run ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE run_tag (run_id TEXT NOT NULL, tag TEXT NOT NULL) STRICT",
    "INSERT INTO run_tag SELECT id, 'old' FROM run",
    "UPDATE run SET priority = 7",
    "CREATE INDEX run_priority ON run(priority)",
    "DROP INDEX run_connection",
)
"""A version that is to come, for the test: it adds, fills, changes and drops."""

_CODE = """
    import sys, apsw
    from engine.stores.sqlite.migrate import migrate
    from engine.stores.sqlite.opening import open_writer
    from engine.stores.sqlite.schema import MIGRATIONS
    from pathlib import Path
    from tests.engine.stores.test_migrations import UPGRADE
    connection = open_writer(Path(sys.argv[1]), None)
    migrate(connection, (*MIGRATIONS, UPGRADE) if sys.argv[2] == "upgrade" else MIGRATIONS)
    print("migrated")
    connection.close()
"""


def _killed_at(path: Path, goal: str, hit: int) -> bool:
    """Migrate in a process that is killed at that hit. False: it came through."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_CODE), str(path), goal],
        env={**os.environ, "FABRIC_FAILPOINT": f"store.migrate:{hit}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 137), done.stderr.decode()
    return done.returncode == 137


def _schema(path: Path) -> tuple[int, list[str]]:
    connection = apsw.Connection(str(path))
    try:
        assert connection.pragma("integrity_check") == "ok"
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema ORDER BY name")]
        return int(connection.pragma("user_version")), names
    finally:
        connection.close()


def _whole(migrations: tuple[tuple[str, ...], ...], path: Path) -> tuple[int, list[str]]:
    connection = apsw.Connection(str(path))
    migrate(connection, migrations)
    connection.close()
    return _schema(path)


FIRST_START = sum(len(each) + 3 for each in MIGRATIONS) + 1
"""Hits of a first start: every statement of every version, what is around it, and the one that comes through."""


@pytest.mark.promise("H3", count=FIRST_START)
async def test_a_first_start_killed_at_any_statement_leaves_nothing_or_a_whole_version(tmp_path: Path) -> None:
    versions = [_whole(MIGRATIONS[:end], tmp_path / f"{end}.sqlite") for end in range(1, len(MIGRATIONS) + 1)]
    path, seen, hit = tmp_path / "fabric.sqlite", set(), 0
    killed = True
    while killed:
        hit += 1
        path.unlink(missing_ok=True)
        killed = await asyncio.to_thread(_killed_at, path, "first", hit)
        schema = _schema(path)
        assert schema in ((0, []), *versions)
        seen.add(schema[0])
    assert hit == FIRST_START
    assert seen == set(range(len(MIGRATIONS) + 1))
    place = SqliteHome(tmp_path)
    await place.open()
    await place.close()


@pytest.mark.promise("H3", count=len(UPGRADE) + 4)
async def test_an_upgrade_killed_at_any_statement_leaves_the_old_schema_or_the_new_with_every_row(
    store: SqliteStore, place: SqliteHome, rows: Rows, tmp_path: Path
) -> None:
    runs = {(await rows.fire(store)).id for _ in range(20)}
    await place.close()
    old = _schema(place.path)
    whole = tmp_path / "whole.sqlite"
    shutil.copy(place.path, whole)
    new = _whole((*MIGRATIONS, UPGRADE), whole)
    seen, hit, killed = set(), 0, True
    while killed:
        hit += 1
        path = tmp_path / f"{hit}.sqlite"
        shutil.copy(place.path, path)
        killed = await asyncio.to_thread(_killed_at, path, "upgrade", hit)
        schema = _schema(path)
        assert schema in (old, new)
        seen.add(schema[0])
        connection = apsw.Connection(str(path))
        migrate(connection, (*MIGRATIONS, UPGRADE))
        assert {row[0] for row in connection.execute("SELECT id FROM run WHERE priority = 7")} == runs
        assert connection.execute("SELECT count(*) FROM run_tag").fetchall() == [(20,)]
        connection.close()
    assert hit == len(UPGRADE) + 4
    assert seen == {len(MIGRATIONS), len(MIGRATIONS) + 1}


async def test_a_migration_that_fails_changes_nothing(store: SqliteStore, place: SqliteHome) -> None:
    await place.close()
    before = _schema(place.path)
    connection = apsw.Connection(str(place.path))
    with pytest.raises(apsw.SQLError):
        migrate(connection, (*MIGRATIONS, (*UPGRADE, "SELECT nonsense")))
    connection.close()
    assert _schema(place.path) == before


async def test_opening_again_changes_nothing(store: SqliteStore, place: SqliteHome, rows: Rows) -> None:
    run = await rows.fire(store)
    again = await place.open()
    assert (await again.get_run(ORG, run.id)).id == run.id
