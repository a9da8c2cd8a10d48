"""`fabric fmt`, `graph`, `schema`, `catalog`: offline, over files."""

import json
import stat
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.cli.commanding import Fabric

ROOT = Path(__file__).parents[2]
LOOSE = """\
# kept
steps:
- {operation_id: fabric.log, params: {message: hi}}   # this too
source_event: ingest.external
name: loose
"""


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    file = tmp_path / "loose.yaml"
    file.write_text(LOOSE)
    file.chmod(0o640)
    return file


def test_check_and_diff_write_nothing(fabric: Fabric, loose: Path) -> None:
    checked = fabric("fmt", "--check", loose)
    assert (checked.code, checked.out) == (1, f"{loose}\n")
    shown = fabric("fmt", "--diff", loose)
    assert shown.code == 0
    assert "+apiVersion: fabric/v1" in shown.out
    assert loose.read_text() == LOOSE


def test_a_file_is_rewritten_once_with_its_comments_and_mode(fabric: Fabric, loose: Path) -> None:
    assert fabric("fmt", loose).code == 0
    text = loose.read_text()
    assert text.index("name:") < text.index("source_event:") < text.index("steps:")
    assert "# kept" in text
    assert "# this too" in text
    assert stat.S_IMODE(loose.stat().st_mode) == 0o640
    assert [each.name for each in loose.parent.iterdir()] == ["loose.yaml"]
    assert fabric("fmt", "--check", loose).code == 0


def test_a_file_that_cannot_be_read_is_left_as_it_is(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("name: [")
    said = fabric("fmt", file)
    assert said.code == 1
    assert "YAML_SYNTAX" in said.out
    assert file.read_text() == "name: ["


def test_programs_are_told_what_became_of_each_file(fabric: Fabric, loose: Path) -> None:
    assert fabric("fmt", "--check", "--json", loose).json == [{"file": str(loose), "state": "differs"}]
    assert fabric("fmt", "--json", loose).json == [{"file": str(loose), "state": "rewritten"}]
    assert fabric("fmt", "--json", loose).json == [{"file": str(loose), "state": "canonical"}]


def test_a_graph_is_drawn_in_each_form(fabric: Fabric, tmp_path: Path) -> None:
    file = ROOT / "samples" / "two-branches" / "connection.yaml"
    text = fabric("graph", file).out
    assert all(step in text for step in ("health", "ticket", "both", "alarm"))
    assert fabric("graph", file, "--format", "mermaid").out.startswith("flowchart")
    picture = tmp_path / "two.svg"
    assert fabric("graph", file, "--format", "svg", "-o", picture).code == 0
    assert picture.read_text().startswith("<svg")


def test_a_graph_of_what_does_not_compile_shows_why(fabric: Fabric, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: x\nsource_event: ingest.external\nsteps: [{operation_id: fabric.lgo}]\n")
    said = fabric("graph", file)
    assert said.code == 1
    assert "OP_UNKNOWN" in said.out


def test_the_schema_takes_every_sample(fabric: Fabric) -> None:
    schema = fabric("schema", "--service", ROOT / "samples/services/pricing").json
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for file in (ROOT / "samples").glob("*/connection.yaml"):
        assert list(validator.iter_errors(yaml.safe_load(file.read_text()))) == []


def test_the_catalog_is_listed_counted_and_shown(fabric: Fabric) -> None:
    listed = fabric("catalog", "ls", "--built-in", "--json").json
    counts = fabric("catalog", "ls", "--built-in", "--count", "--json").json
    assert (len(listed["operations"]), len(listed["events"])) == (counts["operations"], counts["events"])
    assert "cameras.snapshot" in fabric("catalog", "ls", "--built-in").out
    assert fabric("catalog", "show", "--built-in", "fabric.webhook", "--json").json["permission"] is None
    assert fabric("catalog", "show", "--built-in", "ingest.external", "--json").json["event_type"] == "ingest.external"


def test_an_unknown_word_of_the_catalog_is_answered_with_what_was_meant(fabric: Fabric) -> None:
    said = fabric("catalog", "show", "--built-in", "fabric.webhok")
    assert said.code == 3
    assert "Did you mean `fabric.webhook`?" in said.err


def test_the_export_is_stable(fabric: Fabric) -> None:
    first, second = fabric("catalog", "export").out, fabric("catalog", "export").out
    assert first == second
    names = [each["id"] for each in json.loads(first)["operations"]]
    assert names == sorted(names)
