"""`fabric test --scenario`: a user's own scenarios, told like a test run."""

from pathlib import Path

import pytest

from tests.cli.commanding import Fabric

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A user's own folder, made from a sample."""
    for each in (ROOT / "samples" / "device-webhook").iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    return tmp_path


def test_a_folder_s_scenarios_are_played_and_pass(fabric: Fabric, own: Path) -> None:
    said = fabric("test", "--scenario", own)
    assert said.code == 0
    assert "passed" in said.out
    assert "1 passed, 0 failed." in said.err


def test_what_was_not_as_expected_is_told(fabric: Fabric, own: Path) -> None:
    file = own / "scenario.yaml"
    file.write_text(file.read_text().replace("prev_status: online", "prev_status: offline"))
    said = fabric("test", "--scenario", file)
    assert said.code == 1
    assert '✗ expect.calls[0].body.prev_status: expected "offline", got "online"' in said.out
    told = fabric("test", "--scenario", file, "--json").json
    assert [each["passed"] for each in told] == [False]
    assert told[0]["mismatches"][0]["path"] == "expect.calls[0].body.prev_status"


def test_a_misspelt_key_is_shown_where_it_stands(fabric: Fabric, own: Path) -> None:
    file = own / "scenario.yaml"
    file.write_text(file.read_text() + "expct: {}\n")
    said = fabric("test", "--scenario", file)
    assert said.code == 1
    assert "Did you mean `expect`?" in said.out
    assert "^^^^^" in said.out
    (told,) = fabric("test", "--scenario", file, "--json").json
    assert told["problem"]["diagnostics"][0]["code"] == "SCHEMA_UNKNOWN_FIELD"


def test_an_empty_file_is_called_no_scenario(fabric: Fabric, own: Path) -> None:
    (own / "scenario.yaml").write_text("# later\n")
    said = fabric("test", "--scenario", own)
    assert said.code == 1
    assert "The file holds no scenario." in said.out


def test_a_connection_with_a_mistake_is_shown_with_it(fabric: Fabric, own: Path) -> None:
    file = own / "connection.yaml"
    file.write_text(file.read_text().replace("fabric.log", "fabric.lgo"))
    said = fabric("test", "--scenario", own)
    assert said.code == 1
    assert "OP_UNKNOWN" in said.out


def test_a_folder_without_scenarios_is_refused(fabric: Fabric, tmp_path: Path) -> None:
    assert fabric("test", "--scenario", tmp_path).code == 3
    assert fabric("test", "--scenario", tmp_path / "absent.yaml").code == 3


def test_one_connection_at_a_time(fabric: Fabric) -> None:
    assert fabric("test", "a", "b").code == 2
