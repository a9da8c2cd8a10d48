"""`fabric catalog` against a server whose services export functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.functions import Floor, floor
from tests.cli.commanding import Fabric

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shop() -> Iterator[Floor]:
    """A server whose service `pricing` runs."""
    with floor() as started:
        started.pricing()
        yield started


def test_everything_is_listed_with_tier_write_flag_and_permission_and_the_counts_agree(
    shop: Floor, fabric: Fabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = shop.server
    monkeypatch.setenv("FABRIC_URL", server.server.url)
    monkeypatch.setenv("FABRIC_DATA_DIR", str(server.data))
    monkeypatch.setenv("COLUMNS", "200")
    lines = fabric("catalog", "ls", "--live").out.splitlines()
    by_name = {words[0]: words[1:4] for line in lines if (words := line.split())}
    assert by_name["OPERATION"] == ["TIER", "KIND", "PERMISSION"]
    assert by_name["service.pricing.quote"] == ["native", "read", "services.call"]
    assert by_name["services.rollback"] == ["native", "write", "services.manage"]
    assert by_name["plugin.probe.read"] == ["plugin", "read", "probe.view"]
    assert by_name["runtime.service.failed"][0] == "native"
    listed = fabric("catalog", "ls", "--live", "--json").json
    counts = fabric("catalog", "ls", "--live", "--count", "--json").json
    assert counts == server.get("/catalog")["counts"]
    assert (counts["operations"], counts["events"]) == (len(listed["operations"]), len(listed["events"]))
    assert fabric("validate", "--live", ROOT / "samples/price-order/connection.yaml").code == 0
    said = fabric("catalog", "ls", "--live", "--count").out
    assert str(counts["writes"]) in said
