"""`fabric validate`: every problem of every file, for people and for programs."""

from pathlib import Path

import pytest

from api.cli.commands.validate import LEFT_TO_THE_SERVER
from tests.cli.commanding import Fabric

ROOT = Path(__file__).parents[2]

FIVE = """\
name: five
source_event: cameras.event.motoin
cooldown_seconds: 90000
steps:
  - operation_id: fabric.wbhook
  - operation_id: fabric.notify
    params: {channels: {in_app: yes please}, titel: x}
"""

WARNED = """\
name: warned
source_event: ingest.external
steps:
  - operation_id: fabric.log
    params: {message: "{{trigger.payload.a}}"}
"""

SOUND = """\
name: sound
source_event: ingest.external
steps: [{operation_id: fabric.log}]
"""


def test_the_samples_are_without_problems(fabric: Fabric) -> None:
    files = sorted((ROOT / "samples").glob("*/connection.yaml"))
    said = fabric("validate", *files, "--service", ROOT / "samples/services/pricing", "--json")
    assert (said.code, said.out) == (0, "[]\n")
    assert said.err == LEFT_TO_THE_SERVER + "\n"


def test_a_services_functions_are_known_by_its_folder_and_missed_without_it(fabric: Fabric, tmp_path: Path) -> None:
    sample = ROOT / "samples/price-order/connection.yaml"
    (without,) = {
        (each["code"], each["hint"])
        for each in fabric("validate", sample, "--json").json
        if each["severity"] == "error"
    }
    assert without[0] == "OP_UNKNOWN"
    assert "`--service`" in without[1]
    wrong = tmp_path / "connection.yaml"
    wrong.write_text(sample.read_text().replace('item: "', 'itm: "').replace("output.total_cents", "output.total"))
    said = fabric("validate", wrong, "--service", ROOT / "samples/services/pricing", "--json")
    assert {each["code"] for each in said.json} >= {"PARAM_UNKNOWN_FIELD", "PARAM_REQUIRED", "TEMPLATE_UNKNOWN_FIELD"}
    misspelt = sample.read_text().replace("pricing.quote", "pricing.qoute")
    wrong.write_text(misspelt)
    hints = [
        each["hint"]
        for each in fabric("validate", wrong, "--service", ROOT / "samples/services/pricing", "--json").json
    ]
    assert "Did you mean `service.pricing.quote`?" in hints


def test_all_five_mistakes_of_a_file_come_back(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "five.yaml"
    file.write_text(FIVE)
    said = fabric("validate", file, "--json")
    assert said.code == 1
    assert [(each["code"], each["line"], each["column"], each["pointer"]) for each in said.json] == [
        ("EVENT_UNKNOWN", 2, 15, "/source_event"),
        ("SCHEMA_RANGE", 3, 19, "/cooldown_seconds"),
        ("OP_UNKNOWN", 5, 19, "/steps/0/operation_id"),
        ("PARAM_TYPE", 7, 33, "/steps/1/params/channels/in_app"),
        ("PARAM_UNKNOWN_FIELD", 7, 46, "/steps/1/params/titel"),
    ]
    for each in said.json:
        assert list(each) == ["file", "code", "severity", "line", "column", "pointer", "message", "hint"]
        assert each["file"] == str(file)
        assert each["severity"] == "error"
        assert each["hint"]
        assert each["message"].endswith(".")


def test_people_see_the_line_and_a_caret_under_the_word(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "five.yaml"
    file.write_text(FIVE)
    lines = fabric("validate", file).out.splitlines()
    at = next(number for number, line in enumerate(lines) if "OP_UNKNOWN" in line)
    assert lines[at].startswith(f"{file}:5:19: error OP_UNKNOWN: ")
    assert lines[at + 1] == "    5 |   - operation_id: fabric.wbhook"
    assert lines[at + 2] == "      |                   ^^^^^^^^^^^^^"
    assert lines[at + 3] == "      = Did you mean `fabric.webhook`?"


def test_the_caret_stands_under_its_word_behind_wide_characters_and_tabs(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_text('{"name": "日本",\t"source_event": "ingest.externa", "steps": [{"operation_id": "fabric.log"}]}\n')
    shown = fabric("validate", file).out.splitlines()
    # "日本" fills four columns and the tab is shown as one blank.
    assert shown[2].index("^") - len("      | ") == len('{"name": "日本", "source_event": ') + 2


def test_a_warning_is_told_and_does_not_change_the_exit_code(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "warned.yaml"
    file.write_text(WARNED)
    said = fabric("validate", file, "--json")
    assert (said.code, [each["severity"] for each in said.json]) == (0, ["warning"])
    assert "1 file: 0 errors, 1 warning." in fabric("validate", file).err


def test_a_folder_means_its_connections_and_not_its_scenarios(fabric: Fabric, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "five.yaml").write_text(FIVE)
    (tmp_path / "scenario.yaml").write_text("not: a connection")
    (tmp_path / "night.scenario.yaml").write_text("not: a connection")
    (tmp_path / ".hidden.yaml").write_text("not: a connection")
    (tmp_path / "notes.txt").write_text("not a connection")
    said = fabric("validate", tmp_path, "--json")
    assert {Path(each["file"]).name for each in said.json} == {"five.yaml"}


def test_an_empty_folder_is_refused(fabric: Fabric, tmp_path: Path) -> None:
    said = fabric("validate", tmp_path)
    assert said.code == 3
    assert "FILES_NONE" in said.err


def test_whatever_bytes_a_file_holds_it_is_a_diagnostic(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "bytes.yaml"
    file.write_bytes(b"name: \xff\x00\n\x1b[31m")
    said = fabric("validate", file, "--json")
    assert (said.code, [each["code"] for each in said.json]) == (1, ["YAML_ENCODING"])
    assert "\x1b" not in fabric("validate", file).out


def test_another_catalog_decides_what_is_known(fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, catalog = tmp_path / "sound.yaml", tmp_path / "catalog.json"
    file.write_text(SOUND)
    catalog.write_text('{"operations": [], "events": []}')
    assert fabric("validate", file).code == 0
    said = fabric("validate", file, "--catalog", catalog, "--json")
    assert {each["code"] for each in said.json} == {"OP_UNKNOWN", "EVENT_UNKNOWN"}
    monkeypatch.setenv("FABRIC_CATALOG", str(catalog))
    assert fabric("validate", file).code == 1


def test_a_catalog_that_is_none_is_refused(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "sound.yaml"
    file.write_text(SOUND)
    said = fabric("validate", file, "--catalog", file)
    assert said.code == 1
    assert "CATALOG_FILE" in said.err


def test_what_is_exported_is_compiled_against_alike(fabric: Fabric, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.json"
    assert fabric("catalog", "export", "-o", catalog).code == 0
    connections = sorted((ROOT / "samples").glob("*/connection*.yaml"))
    assert len(connections) > 8
    functions = ("--service", ROOT / "samples/services/pricing")
    said = fabric("validate", *connections, "--catalog", catalog, *functions, "--json")
    assert (said.code, said.json) == (0, [])


def test_nothing_is_coloured_where_nobody_looks(
    fabric: Fabric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "five.yaml"
    file.write_text(FIVE)
    assert "\x1b" not in fabric("validate", file).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in fabric("validate", file).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in fabric("validate", file).out
