"""The peers of firewall drivers, and ports whose drivers have a home for their files."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from catalog.provider import Ports
from tests.modules.asking import ports
from tests.modules.peers import nft_log
from tests.modules.peers.eve_log import EveLog
from tests.modules.peers.nft_log import NftLog


@pytest.fixture
async def homed(tmp_path: Path) -> AsyncIterator[Ports]:
    """Ports with a home."""
    async with ports() as real:
        yield msgspec.structs.replace(real, home=tmp_path / "home")


@pytest.fixture
def eve(tmp_path: Path) -> EveLog:
    """A log of Suricata's, empty."""
    return EveLog(tmp_path / "eve.json")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NftLog]:
    """nftables and ulogd2. In CI they must be possible; on a laptop without root or them it is skipped."""
    if not nft_log.can_be_made() and "CI" not in os.environ:
        pytest.skip("logging packets takes root, nftables and ulogd2 with its JSON output")
    with nft_log.nft_log(tmp_path_factory.mktemp("nft")) as made:
        yield made
