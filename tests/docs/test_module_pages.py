"""The pages of the modules say what their drivers take, and the hand-written rest of them stays as it was."""

from pathlib import Path

import pytest

from docs.pages.drivers import BEGIN, END, filled, pages, table
from runtime.drivers import DRIVERS
from runtime.drivers.described import fields_of, schema_of
from tests.fakes.drivers import Login, fake_driver
from tests.runtime.drivers.test_fitting import Cameras


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda each: each.name)
def test_every_setting_says_what_it_is(driver: object) -> None:
    assert isinstance(driver, type(DRIVERS[0]))
    for each in (*fields_of(schema_of(driver.settings)), *fields_of(schema_of(driver.credentials))):
        assert each.type != "anything", each
        assert each.name


def test_a_table_tells_of_fields_inside_others_and_of_what_must_be_given() -> None:
    text = table([fake_driver(settings=Cameras, credentials=Login, extra="x", needs=("x",))])
    assert 'pip install "fabricksd[x]"' in text
    assert "| `cameras` | map of object | required |  |" in text
    assert "| `cameras.<name>.snapshot_url` | text | required |  |" in text
    assert "| `order[].snapshot_url` | text | required |" in text
    assert "| `timeout_seconds` | number above 0 to 120 | `10.0` | Seconds that one call may take. |" in text
    assert "| `poll_seconds` | number from 0 to 604800 |" in text
    assert "| credential | type | default | meaning |" in text


@pytest.mark.parametrize(
    ("page", "kept"),
    [
        (f"# A\n\n{BEGIN}\n\n## B\n", ("# A\n\n", "\n\n## B\n")),
        (f"# A\n\n{BEGIN}\nold\n{END}\n\n## B\n", ("# A\n\n", "\n\n## B\n")),
        (f"{BEGIN}{END}", ("", "")),
    ],
)
def test_what_people_wrote_stays(page: str, kept: tuple[str, str]) -> None:
    once = filled(page, "new")
    assert once.startswith(kept[0] + BEGIN)
    assert once.endswith(END + kept[1])
    assert "old" not in once
    assert filled(once, "new") == once


def test_a_page_that_is_not_there_or_has_no_mark_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "storage.md").write_text("# Storage\n")
    (tmp_path / "daemon.md").write_text(f"{BEGIN}\n")
    found = dict(pages(tmp_path))
    assert [path.name for path in found] == ["daemon.md"]
    assert "`fabricksd`" in found[tmp_path / "daemon.md"]
