"""A fresh house for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.house import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """A started engine in a directory of its own."""
    async with house(tmp_path) as made:
        yield made
