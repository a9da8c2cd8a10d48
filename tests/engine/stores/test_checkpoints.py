"""The write-ahead log stays short, and a reader who holds it long is named and outlived."""

import apsw
import pytest
import structlog

from engine.stores.sqlite import checkpoint
from engine.stores.sqlite.store import SqliteStore
from tests.contracts.homes import SqliteHome
from tests.contracts.rows import Rows


def _wal_bytes(place: SqliteHome) -> int:
    return place.path.with_name("fabric.sqlite-wal").stat().st_size


async def _write(store: SqliteStore, rows: Rows, count: int) -> None:
    for _ in range(count):
        await store.accept(rows.event({"text": "x" * 2_000}))


async def test_the_log_starts_over_again_and_again(
    store: SqliteStore, place: SqliteHome, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PAGES", 50)
    await _write(store, rows, 400)
    assert _wal_bytes(place) < 200 * 4_200, "of some 1,600 pages that were written"


async def test_a_log_that_a_reader_kept_from_starting_over_is_cut_when_he_is_gone(
    store: SqliteStore, place: SqliteHome, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PAGES", 50)
    monkeypatch.setattr(checkpoint, "LARGE_WAL_PAGES", 200)
    monkeypatch.setattr(checkpoint, "_TRUNCATE_WAIT_MS", 20)
    reader = apsw.Connection(str(place.path), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM event").fetchall()
    with structlog.testing.capture_logs() as logs:
        await _write(store, rows, 150)
    assert _wal_bytes(place) > 200 * 4_096
    assert "store_wal_large" in {entry["event"] for entry in logs}
    reader.execute("COMMIT")
    reader.close()
    await _write(store, rows, 60)
    assert _wal_bytes(place) < 150 * 4_200
    assert await store.check() == []
