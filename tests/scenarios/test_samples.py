"""The samples: played as they are, sound as they stand, and each one able to fail."""

import re
from pathlib import Path

import pytest

from api.cli.offline import diagnose, offline_catalog
from api.scenarios.play import play
from api.scenarios.reading import read_scenario
from connections.format import format_text

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(each.parent for each in (ROOT / "samples").glob("*/connection.yaml"))
NAMES = [each.name for each in FOLDERS]


def test_there_are_at_least_eight() -> None:
    assert len(FOLDERS) >= 8


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
async def test_a_sample_goes_as_its_scenario_says(folder: Path) -> None:
    file = folder / "scenario.yaml"
    outcome = await play(read_scenario(file, file.read_bytes()), file)
    assert outcome.passed, [str(each) for each in outcome.mismatches] + [str(outcome.problem)]


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_sample_is_without_problems_and_canonical(folder: Path) -> None:
    content = (folder / "connection.yaml").read_bytes()
    file = folder / "scenario.yaml"
    daemon = read_scenario(file, file.read_bytes()).daemon
    services = [folder / each for each in daemon.modules] if daemon is not None else []
    assert diagnose(content, offline_catalog(None, services)) == ()
    assert format_text(content) == content


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_sample_is_explained_and_listed(folder: Path) -> None:
    assert (folder / "README.md").read_text().startswith("# ")
    assert f"]({folder.name})" in (ROOT / "samples" / "README.md").read_text()


async def test_the_page_about_scenarios_shows_one_that_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text()
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    file = tmp_path / "scenario.yaml"
    file.write_text(found[1])
    (tmp_path / "connection.yaml").write_bytes((ROOT / "samples" / "order-desk" / "connection.yaml").read_bytes())
    outcome = await play(read_scenario(file, file.read_bytes()), file)
    assert outcome.passed, [str(each) for each in outcome.mismatches] + [str(outcome.problem)]


def test_the_page_about_scenarios_names_every_key() -> None:
    from api.scenarios.reading import KEYS

    page = (ROOT / "docs" / "scenarios.md").read_text()
    assert [key for key in sorted(KEYS) if not re.search(rf"\b{key}\b", page)] == []
