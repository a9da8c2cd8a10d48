"""The peers of the module `network`."""

import os
from collections.abc import Iterator

import pytest

from tests.modules.peers import namespaces, snmpd
from tests.modules.peers.namespaces import Wire
from tests.modules.peers.snmpd import Snmpd


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """Two machines on a wire. In CI it must be possible; on a laptop without root it is skipped."""
    if not namespaces.can_be_made() and "CI" not in os.environ:
        pytest.skip("network namespaces need root and iproute2")
    with namespaces.wire() as made:
        yield made


@pytest.fixture(scope="module")
def snmpd_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """Debian's snmpd, one a file of tests."""
    if not snmpd.is_installed() and "CI" not in os.environ:
        pytest.skip("snmpd is not installed")
    with snmpd.snmpd(tmp_path_factory.mktemp("snmpd")) as made:
        yield made


@pytest.fixture
def agent(snmpd_process: Snmpd) -> Iterator[Snmpd]:
    """The same, with empty tables before and after."""
    yield snmpd_process
    snmpd_process.serve({})
