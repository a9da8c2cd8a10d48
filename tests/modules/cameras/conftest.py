"""What holds for the tests of cameras."""

from collections.abc import AsyncIterator

import pytest

from tests.modules.cameras.calling import Caller


@pytest.fixture(autouse=True)
async def nothing_left_behind() -> AsyncIterator[None]:
    """What the callers of a test kept open is closed after it."""
    yield
    while Caller.made:
        await Caller.made.pop().ports.residents.shut()
