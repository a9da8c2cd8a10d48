"""`fabric mortar` without a daemon: what a project file says, and what is wrong with it."""

from pathlib import Path

import pytest

from api.cli.project_file import project_name
from catalog.errors import Invalid
from tests.cli.commanding import Fabric

ROOT = Path(__file__).resolve().parents[2]
GOOD = """mortar_version = "1.0"
[project]
name = "shop"
version = "1.0.0"
[service.gate]
image = "gate:1"
networks = []
"""


def test_the_samples_could_be_deployed(fabric: Fabric) -> None:
    for name in ("shop", "ferry-desk"):
        assert fabric("mortar", "validate", ROOT / "samples/mortar" / name).code == 0
    said = fabric("mortar", "validate", ROOT / "samples/mortar/shop", "--profile", "demo", "--strict", "--json")
    assert (said.code, said.json) == (0, [])


def test_problems_are_printed_with_file_and_line_and_end_with_1(fabric: Fabric, tmp_path: Path) -> None:
    path = tmp_path / "fabricks-mortar.toml"
    path.write_text(GOOD.replace("networks = []", 'networks = ["egde"]\nreplica = 2'))
    said = fabric("mortar", "validate", tmp_path)
    assert said.code == 1
    assert f"{path}:7: error: `service.gate.networks` names the network `egde`" in said.out
    assert f"{path}:8: warning: `service.gate.replica` is not a field here: did you mean `replicas`" in said.out
    assert said.err == "1 error, 1 warning.\n"
    found = fabric("mortar", "validate", path, "--strict", "--json").json
    assert [(each["severity"], each["line"]) for each in found] == [("error", 7), ("error", 8)]


def test_a_file_that_is_no_toml_says_where(fabric: Fabric, tmp_path: Path) -> None:
    (tmp_path / "fabricks-mortar.toml").write_text("a = 1\nb = = 2\n")
    said = fabric("mortar", "validate", tmp_path)
    assert said.code == 1
    assert "is not TOML at line 2, column 5" in said.err


def test_a_file_that_is_not_there_is_said(fabric: Fabric, tmp_path: Path) -> None:
    said = fabric("mortar", "validate", tmp_path)
    assert said.code == 1
    assert "cannot be read" in said.err


def test_a_project_is_named_by_itself_its_file_or_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "fabricks-mortar.toml"
    path.write_text(GOOD)
    assert project_name("blog") == "blog"
    assert project_name(str(path)) == project_name(str(tmp_path)) == "shop"
    path.write_text("[project]\n")
    with pytest.raises(Invalid, match="does not say the project's name"):
        project_name(str(tmp_path))


def test_a_variable_must_be_a_pair(fabric: Fabric, tmp_path: Path) -> None:
    (tmp_path / "fabricks-mortar.toml").write_text(GOOD)
    said = fabric("mortar", "up", tmp_path, "--var", "region")
    assert said.code == 2
    assert "is not NAME=VALUE" in said.err
