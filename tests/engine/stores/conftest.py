"""A SQLite store with one organisation."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.stores.sqlite.store import SqliteStore
from tests.contracts.homes import SqliteHome
from tests.contracts.rows import Rows


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[SqliteHome]:
    """Where the store lives."""
    made = SqliteHome(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def store(place: SqliteHome) -> SqliteStore:
    """An open store."""
    opened = await place.open()
    await Rows(place.clock).furnish(opened)
    return opened


@pytest.fixture
def rows(place: SqliteHome) -> Rows:
    """Makes rows."""
    return Rows(place.clock)
