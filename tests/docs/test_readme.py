"""README: what a newcomer copies from it works."""

import re
from textwrap import dedent

import pytest
from typer.main import get_command

from api.cli.main import app
from api.cli.offline import diagnose, offline_catalog
from docs.pages.errors import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONNECTIONS = [dedent(each) for each in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
COMMANDS = sorted({each.strip("`. ") for each in re.findall(r"(?:\.venv/bin/|`)(fabric [a-z][^`\n|]*)", README)})


def test_there_is_something_to_copy() -> None:
    assert len(CONNECTIONS) == 2
    assert len(COMMANDS) > 8


@pytest.mark.parametrize("text", CONNECTIONS)
def test_a_connection_compiles_without_even_a_warning(text: str) -> None:
    assert diagnose(text.encode(), offline_catalog(None)) == ()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one_with_these_options(command: str) -> None:
    words = command.split()[1:]
    here = get_command(app)
    while words and words[0] in getattr(here, "commands", {}):
        here = getattr(here, "commands")[words.pop(0)]  # noqa: B009 - groups alone have it
    known = {option for each in here.params for option in each.opts}
    assert not getattr(here, "commands", {}) or getattr(here, "invoke_without_command", False)
    assert {word for word in words if word.startswith("-")} <= known
