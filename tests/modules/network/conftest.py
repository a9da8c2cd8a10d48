"""The peers of the module `network`."""

import os
from collections.abc import Iterator

import pytest

from tests.modules.peers import namespaces
from tests.modules.peers.namespaces import Wire


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """Two machines on a wire. In CI it must be possible; on a laptop without root it is skipped."""
    if not namespaces.can_be_made() and "CI" not in os.environ:
        pytest.skip("network namespaces need root and iproute2")
    with namespaces.wire() as made:
        yield made
