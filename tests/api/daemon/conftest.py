"""One daemon for most tests; those that stop, starve or restart one start their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.daemon.hosted import Hosted, hosted, short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's."""
    with short_folder() as made:
        yield made


@pytest.fixture(scope="session")
def daemon() -> Iterator[Hosted]:
    """A running daemon that tests share; what one adds, the others must not mind."""
    with short_folder() as made, hosted(made) as started:
        yield started
