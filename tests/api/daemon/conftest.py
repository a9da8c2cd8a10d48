"""One daemon for most tests; those that stop, starve or restart one start their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.daemon.guests import store_guest
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
        started.add_module("hello", "hello:1.0.0")
        yield started


@pytest.fixture(scope="session")
def running() -> Iterator[Hosted]:
    """A daemon with the modules `hello` and `caller`, whose tests leave no service behind."""
    with short_folder() as made, hosted(made) as started:
        for name in ("hello", "caller"):
            store_guest(started, name)
        yield started
