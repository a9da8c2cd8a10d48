"""The audit log: whoever alters or removes a row, with whatever tools, is found."""

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw
import pytest

from catalog.jsonvalue import canonical
from engine.records import AuditRow
from engine.stores.sqlite.audit_chain import AUDIT_COLUMNS, _hash
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.homes import SqliteHome
from tests.contracts.rows import ORG, Rows

ROWS = 40
_COLUMNS = ("time", "actor_id", "action", "subject", "address", "details", "previous", "hash")


def _alter(connection: apsw.Connection, seq: int) -> None:
    """One column after the other, as the rows go."""
    column = _COLUMNS[seq % len(_COLUMNS)]
    value = 1.5 if column == "time" else '"forged"' if column == "details" else "forged"
    connection.execute(f"UPDATE audit SET {column} = ? WHERE organisation_id = ? AND seq = ?", (value, ORG, seq))


def _delete(connection: apsw.Connection, seq: int) -> None:
    connection.execute("DELETE FROM audit WHERE organisation_id = ? AND seq = ?", (ORG, seq))


def _forge(connection: apsw.Connection, seq: int) -> None:
    """With a hash that fits the forged row, and the head's too where it is the last."""
    row = connection.execute(
        f"SELECT {AUDIT_COLUMNS} FROM audit WHERE organisation_id = ? AND seq = ?", (ORG, seq)
    ).fetchall()[0]
    *facts, previous, _ = row
    facts[3] = "somebody else"
    forged = _hash(str(previous), tuple(facts))
    connection.execute(
        "UPDATE audit SET actor_id = ?, hash = ? WHERE organisation_id = ? AND seq = ?", (facts[3], forged, ORG, seq)
    )


async def _verdict(source: Path, folder: Path, tamper: Callable[[apsw.Connection], object]) -> int | None:
    """What verify says of a copy that was tampered with behind the triggers' back."""
    place = _tampered(source, folder, tamper)
    store = await place.open()
    found = await store.verify_audit(ORG)
    await place.close()
    return found


def _tampered(source: Path, folder: Path, tamper: Callable[[apsw.Connection], object]) -> SqliteHome:
    folder.mkdir()
    place = SqliteHome(folder)
    shutil.copy(source, place.path)
    connection = apsw.Connection(str(place.path))
    for name in ("audit_kept", "audit_stays", "audit_appends", "audit_head_rises", "audit_head_stays"):
        connection.execute(f"DROP TRIGGER {name}")
    tamper(connection)
    connection.close()
    return place


async def _chain(store: SqliteStore, place: SqliteHome, rows: Rows) -> tuple[Path, list[AuditRow]]:
    for number in range(ROWS - 4):
        await store.write_audit(rows.audit(f"a.{number}", details={"n": number}, address="::1" if number % 2 else None))
    await place.close()
    store = await place.open()
    kept = (await store.list_audit(ORG, 200, None)).items[::-1]
    await place.close()
    assert [row.seq for row in kept] == list(range(1, ROWS + 1))
    return place.path, kept


@pytest.mark.promise("W8", count=ROWS * 3)
async def test_whatever_is_altered_removed_or_forged_in_any_row_is_found(
    store: SqliteStore, place: SqliteHome, rows: Rows, tmp_path: Path
) -> None:
    source, kept = await _chain(store, place, rows)
    for row in kept:
        for tamper in (_alter, _delete, _forge):
            found = await _verdict(source, tmp_path / f"{tamper.__name__}{row.seq}", partial(tamper, seq=row.seq))
            assert found is not None, f"{tamper.__name__} of row {row.seq} passes"
            assert found in (row.seq, row.seq + 1)
    assert await _verdict(source, tmp_path / "untouched", lambda _connection: None) is None


@pytest.mark.promise("W8")
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE seq > 30",
        "DELETE FROM audit",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = 39, hash = (SELECT hash FROM audit WHERE seq = 39)",
        "UPDATE audit_head SET hash = 'x'",
        "UPDATE audit SET seq = seq + 100 WHERE seq > 30",
        "INSERT INTO audit SELECT organisation_id, 41, time, actor_id, action, subject, address, details, hash, 'x'"
        " FROM audit WHERE seq = 40",
    ],
)
async def test_a_tail_that_is_cut_off_or_grown_and_a_forged_head_are_found(
    store: SqliteStore, place: SqliteHome, rows: Rows, tmp_path: Path, statement: str
) -> None:
    source, _ = await _chain(store, place, rows)
    assert await _verdict(source, tmp_path / "t", lambda connection: connection.execute(statement)) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor_id = 'x'",
        "UPDATE audit_head SET hash = 'x'",
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit_head",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1",
        "INSERT INTO audit SELECT organisation_id, 99, time, actor_id, action, subject, address, details, '', ''"
        " FROM audit WHERE seq = 1",
    ],
)
async def test_the_database_itself_refuses_to_change_the_log(
    store: SqliteStore, place: SqliteHome, statement: str
) -> None:
    await place.close()
    connection = apsw.Connection(str(place.path))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        connection.execute(statement)
    connection.close()


async def test_the_log_is_verified_while_it_grows(store: SqliteStore, rows: Rows) -> None:
    await asyncio.gather(*[store.write_audit(rows.audit()) for _ in range(1_500)])
    growing = asyncio.gather(*[store.write_audit(rows.audit()) for _ in range(500)])
    while not growing.done():
        assert await store.verify_audit(ORG) is None
    await growing
    assert await store.verify_audit(ORG) is None


async def test_the_hash_covers_what_the_row_says(store: SqliteStore, rows: Rows) -> None:
    row = await store.write_audit(rows.audit(details={"b": 1, "a": 2}))
    facts = (ORG, row.seq, row.time, row.actor_id, row.action, row.subject, row.address, '{"a":2,"b":1}')
    assert row.hash == _hash(row.previous, facts)
    assert canonical(row.details) == b'{"a":2,"b":1}'
