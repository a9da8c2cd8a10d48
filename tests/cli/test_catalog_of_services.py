"""`fabric catalog` against a server whose services export functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.functions import Floor, floor
from tests.cli.commanding import Fabric
from tests.runtime.daemon.house import free_port

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
    lines = fabric("catalog", "ls").out.splitlines()
    by_name = {words[0]: words[1:4] for line in lines if (words := line.split())}
    assert by_name["OPERATION"] == ["TIER", "KIND", "PERMISSION"]
    assert by_name["service.pricing.quote"] == ["native", "read", "services.call"]
    assert by_name["services.rollback"] == ["native", "write", "services.manage"]
    assert by_name["plugin.probe.read"] == ["plugin", "read", "probe.view"]
    assert by_name["runtime.service.failed"][0] == "native"
    listed = fabric("catalog", "ls", "--live", "--json").json
    counts = fabric("catalog", "ls", "--count", "--json").json
    assert counts == server.get("/catalog")["counts"]
    assert (counts["operations"], counts["events"]) == (len(listed["operations"]), len(listed["events"]))
    assert fabric("validate", "--live", ROOT / "samples/price-order/connection.yaml").code == 0
    assert fabric("catalog", "show", "service.pricing.quote").code == 0
    assert fabric("catalog", "ls", "--built-in", "--count", "--json").json != counts
    said = fabric("catalog", "ls", "--live", "--count").out
    assert str(counts["writes"]) in said


def test_where_no_server_answers_the_built_in_catalog_is_listed_and_said_to_be_that(
    fabric: Fabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_URL", f"http://127.0.0.1:{free_port()}")
    said = fabric("catalog", "ls", "--count", "--json")
    assert (said.code, said.json["plugin"]["operations"]) == (0, 0)
    assert "the built-in catalog" in said.err
    assert fabric("catalog", "ls", "--built-in").err == ""
    assert fabric("catalog", "ls", "--live").code != 0
