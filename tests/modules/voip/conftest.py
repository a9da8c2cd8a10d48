"""The peers of the module `voip`."""

import os
from collections.abc import Iterator

import pytest

from tests.modules.peers import kamailio
from tests.modules.peers.kamailio import Kamailio


def _started(factory: pytest.TempPathFactory, *, dialog: bool) -> Iterator[Kamailio]:
    if not kamailio.is_installed() and "CI" not in os.environ:
        pytest.skip("kamailio and sipp are not installed")
    with kamailio.kamailio(factory.mktemp("kamailio"), dialog=dialog) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    """Debian's kamailio, one a file of tests."""
    yield from _started(tmp_path_factory, dialog=True)


@pytest.fixture(scope="module")
def server_without_calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    """One that does not follow calls."""
    yield from _started(tmp_path_factory, dialog=False)
