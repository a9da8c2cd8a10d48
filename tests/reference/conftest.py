"""The world of the reference's samples: a daemon with the modules, networks and volumes that they speak of."""

from collections.abc import Iterator

import pytest

from tests.api.daemon.hosted import short_folder
from tests.reference.story import Told, tell


@pytest.fixture(scope="session")
def told() -> Iterator[Told]:
    """Every request of the reference sent, in an order in which it makes sense, and what was answered."""
    with short_folder() as folder:
        yield tell(folder)
