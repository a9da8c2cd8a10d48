"""One daemon a test, in a folder of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.runtime.daemon.house import House, house, short_folder


@pytest.fixture
async def daemon() -> AsyncIterator[House]:
    """A started daemon."""
    with short_folder() as folder:
        async with house(folder) as made:
            yield made
