"""The peers of the module `hypervisor`."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest

from api.cli.demo.vm.host import lacking
from catalog.provider import Ports
from tests.modules.asking import ports
from tests.modules.peers.libvirtd import Libvirtd, libvirtd


@pytest.fixture
async def real() -> AsyncIterator[Ports]:
    """The real way out, and what drivers keep open."""
    async with ports() as made:
        yield made


@pytest.fixture(scope="session")
def host() -> Iterator[Libvirtd]:
    """A libvirtd. In CI it must be possible; on a laptop without it is skipped."""
    missing = [*lacking(), *(["sasl2-bin"] if shutil.which("saslpasswd2") is None else [])]
    if missing and "CI" not in os.environ:
        pytest.skip(f"install {' '.join(missing)}")
    with libvirtd() as made:
        yield made
