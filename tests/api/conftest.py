"""One server for most tests; those that stop, starve or restart one start their own."""

from collections.abc import Iterator

import pytest

from tests.api.running import Running, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running server that tests share; what one adds, the others must not mind."""
    with running(tmp_path_factory.mktemp("server")) as made:
        yield made
