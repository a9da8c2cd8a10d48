"""tests/golden: an invalid file says on its lines what is wrong there; of a valid one there is nothing to say."""

import re
from pathlib import Path

import pytest

import connections
from catalog.diagnostics import Diagnostic, Severity
from catalog.errors import ConnectionInvalid
from tests.connections.world import AUTHOR, CONTROLLERS, native_catalog

_FOLDER = Path(__file__).parents[1] / "golden" / "invalid"
_FILES = sorted(_FOLDER.glob("*.yaml"))
_VALID = sorted((_FOLDER.parent / "valid").glob("*.yaml"))
_MARK = re.compile(r"# (error|warning): ([A-Z_]+)$")

_WITHOUT_A_LINE = {
    "YAML_ENCODING": "the text cannot be marked where it is not text",
    "YAML_TOO_LARGE": "the file would be too large to read here",
    "YAML_TOO_MANY_NODES": "as above",
    "AUTHOR_FORBIDDEN": "it is about the author",
    "PLUGIN_WRITE_FORBIDDEN": "the native catalog has no plugins",
    "TEMPLATE_TOO_LARGE": "it is known at firing only",
    "FORMAT_UNSAFE": "it is about rewriting",
}
"""Codes that no golden file shows; each has a test of its own."""


def _reported(content: bytes) -> tuple[Diagnostic, ...]:
    try:
        return connections.compile(content, native_catalog(), author=AUTHOR, targets=CONTROLLERS).warnings
    except ConnectionInvalid as error:
        return error.diagnostics


@pytest.mark.parametrize("file", _FILES, ids=lambda each: each.stem)
def test_each_mistake_is_reported_on_its_line(file: Path) -> None:
    lines = file.read_text().splitlines()
    marked = sorted(
        (number, found[1], found[2]) for number, line in enumerate(lines, 1) if (found := _MARK.search(line))
    )
    reported = _reported(file.read_bytes())
    told = sorted((each.span.line if each.span else len(lines), str(each.severity), each.code) for each in reported)
    assert told == marked


@pytest.mark.parametrize("file", _FILES, ids=lambda each: each.stem)
def test_each_message_is_a_sentence_with_a_remedy(file: Path) -> None:
    for each in _reported(file.read_bytes()):
        assert each.message.endswith("."), each
        assert each.hint, each
        assert len(each.hint) > 3, each


@pytest.mark.parametrize("file", _VALID, ids=lambda each: each.stem)
def test_of_a_valid_file_there_is_nothing_to_say(file: Path) -> None:
    assert _reported(file.read_bytes()) == ()


def test_every_code_of_the_package_has_a_golden_file() -> None:
    package = Path(connections.__file__).parent
    sources = "".join(each.read_text() for each in package.rglob("*.py"))
    codes = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+)"', sources))
    shown = {found for file in _FILES for line in file.read_text().splitlines() for found in _MARK.findall(line)}
    assert codes - {code for _, code in shown} == _WITHOUT_A_LINE.keys()


def test_a_code_is_an_error_or_a_warning_and_five_mistakes_come_at_once() -> None:
    found = _reported((_FOLDER / "five_mistakes.yaml").read_bytes())
    assert len(found) == 5
    assert {each.severity for each in found} == {Severity.ERROR}
    assert all(each.span and each.pointer and each.hint for each in found)
