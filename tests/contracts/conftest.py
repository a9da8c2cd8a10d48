"""Every Store, furnished with two organisations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.ports import Store
from tests.contracts.homes import HOMES, Home
from tests.contracts.rows import ORG, OTHER, Rows
from tests.fakes.clock import FakeClock


@pytest.fixture(params=sorted(HOMES))
async def home(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Home]:
    """A database of each kind."""
    made = HOMES[request.param](tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def store(home: Home) -> Store:
    """An open store with two organisations."""
    opened = await home.open()
    for organisation_id in (ORG, OTHER):
        await Rows(home.clock, organisation_id).furnish(opened)
    return opened


@pytest.fixture
def clock(home: Home) -> FakeClock:
    """The store's clock."""
    return home.clock


@pytest.fixture
def rows(home: Home) -> Rows:
    """Makes rows of the first organisation."""
    return Rows(home.clock)
