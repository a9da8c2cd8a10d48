"""`fabric network` and `fabric mortar` against a daemon with real guests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.daemon.guests import store_guest
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.cli.commanding import Fabric

DESK = """mortar_version = "1.0"
[project]
name = "desk"
version = "1.0.0"
[variable.word]
type = "string"
default = "x"
[network.room]
[service.teller]
image = "hello:1.0.0"
type = "http"
networks = ["room"]
environment = { WORD = "${variable.word}" }
[service.teller.metrics]
enabled = true
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    with short_folder() as folder, hosted(folder) as started:
        store_guest(started, "hello")
        yield started


@pytest.fixture(autouse=True)
def socket(daemon: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRICKS_SOCKET", str(daemon.socket))


def test_a_network_is_made_listed_shown_and_removed(fabric: Fabric) -> None:
    said = fabric("network", "create", "core", "--internal", "--ingress", "edge", "--egress", "data", "--audit")
    assert (said.code, said.err) == (0, "Network `core` is made.\n")
    listed = fabric("network", "ls").out.splitlines()
    assert [line.split()[0] for line in listed] == ["NETWORK", "default", "core"]
    shown = fabric("network", "show", "core", "--json").json
    assert (shown["internal"], shown["ingress"], shown["egress"]) == (True, ["edge"], ["data"])
    assert shown["audit_all"] is True
    assert "internal: true" in fabric("network", "show", "core").out
    assert fabric("network", "rm", "core").code == 2
    assert fabric("network", "rm", "core", "--yes").err == "Network `core` is removed.\n"
    gone = fabric("network", "show", "core")
    assert gone.code == 3
    assert "NETWORK_NOT_FOUND" in gone.err


def test_a_network_without_a_list_lets_everybody_in(fabric: Fabric) -> None:
    made = fabric("network", "create", "open", "--json").json
    assert made["name"] == "open"
    assert fabric("network", "show", "open", "--json").json["ingress"] is None
    assert fabric("network", "rm", "default", "--yes").code == 3
    assert fabric("network", "rm", "open", "--yes").code == 0


def test_a_project_goes_up_and_down(fabric: Fabric, tmp_path: Path) -> None:
    path = tmp_path / "fabricks-mortar.toml"
    path.write_text(DESK)
    said = fabric("mortar", "up", tmp_path, "--var", "word=abra")
    assert said.code == 0, said.err
    assert "warning: line 14: `service.teller.metrics` is parsed, not acted on" in said.err
    assert "services made: teller" in said.out
    assert fabric("mortar", "up", path, "--var", "word=abra", "--json").json["services_unchanged"] == 1
    assert fabric("service", "show", "teller", "--json").json["environment"] == {"WORD": "abra"}
    listed = fabric("mortar", "status").out.splitlines()
    assert listed[1].split()[:5] == ["desk", "1.0.0", "running", "healthy", "1/1"]
    assert "1 of 1 running, 0 failed" in fabric("mortar", "status", "desk").out
    assert fabric("mortar", "down", tmp_path).err == "`desk` is removed: 1 service, 1 network, 0 volumes.\n"
    gone = fabric("mortar", "status", "desk")
    assert gone.code == 3
    assert fabric("mortar", "status").err == "No project is deployed.\n"


def test_a_project_that_is_wrong_ends_with_1_and_says_why(fabric: Fabric, tmp_path: Path) -> None:
    path = tmp_path / "fabricks-mortar.toml"
    path.write_text(DESK.replace('networks = ["room"]', 'networks = ["rom"]'))
    said = fabric("mortar", "up", path)
    assert said.code == 1
    assert "line 12: `service.teller.networks` names the network `rom`" in said.err
