"""The sample guests, built from source once, and a launcher."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from samples.services.build import build
from tests.runtime.wasm.guests.running import Kitchen


@pytest.fixture(scope="session")
def built() -> dict[str, tuple[Path, ...]]:
    """Every sample guest's modules; what is up to date is not built again, and one process builds at a time."""
    return build()


@pytest.fixture
async def kitchen(built: dict[str, tuple[Path, ...]], tmp_path: Path) -> AsyncIterator[Kitchen]:
    """What starts sample guests."""
    made = Kitchen(tmp_path)
    try:
        yield made
    finally:
        await made.close()
