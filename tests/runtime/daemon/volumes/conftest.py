"""What tests of volumes begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.runtime.daemon.volumes.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose volumes have begun."""
    made = World(tmp_path)
    await made.state.open()
    await made.begin()
    yield made
    await made.end()
    await made.state.close()
