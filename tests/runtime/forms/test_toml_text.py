"""TOML text: what is joined, what stays, and that messages name the line that was written."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import Invalid
from runtime.forms.toml_text import join_inline_tables, read_toml


def test_an_inline_table_may_stand_on_several_lines() -> None:
    text = 'environment = {\n  REGION = "north", # the sea\n  SEATS = "120",\n}\nname = "gate"\n'
    assert read_toml(text) == {"environment": {"REGION": "north", "SEATS": "120"}, "name": "gate"}


def test_tables_within_tables_and_arrays_are_joined_too() -> None:
    text = "a = { b = {\n c = [\n 1, # one\n 2,\n ],\n },\n d = [\n {\n e = 3 } ] }\n"
    assert read_toml(text) == {"a": {"b": {"c": [1, 2]}, "d": [{"e": 3}]}}


@pytest.mark.parametrize(
    "text",
    [
        'a = "{ \\" # no"\nb = 1 # { \n',
        "a = '{'\nb = '}'\n",
        'a = """\n{\n""" \nb = 2\n',
        "a = '''\n}{'\n''''\nb = 2\n",
        'a = { b = """x\n# kept, {\n""", c = 1 }\n',
        "a = [\n  1, # {\n  2,\n]\n[b]\nc = {}\n",
    ],
)
def test_what_is_already_toml_keeps_its_meaning(text: str) -> None:
    assert read_toml(text) == tomllib.loads(text)
    assert len(join_inline_tables(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = {\n b = 1,\n c = 2 }\nd = = 3\n", 4, 5),
        ("a = {\n b = 1,\n c == 2 }\n", 3, 5),
        ("a = 1\nb = {\n c = 1\n[service]\n", 2, 6),
        ('a = {\n  b = 1 }\r\nc = "x\r\n', 3, 7),
        ("a = [1,\n", 2, 1),
        ("a = 1\na = 2\n", 2, 6),
        ("a = {,}\n", 1, 6),
    ],
)
def test_a_message_names_the_line_and_column_as_written(text: str, line: int, column: int) -> None:
    with pytest.raises(Invalid) as raised:
        read_toml(text, name="`x.toml`")
    assert raised.value.code == "INVALID_REQUEST"
    assert raised.value.details == {"line": line, "column": column}
    assert raised.value.message.startswith(f"`x.toml` is not TOML at line {line}, column {column}: ")


def test_a_key_of_very_many_parts_is_refused_at_once() -> None:
    for key in ("a" + ".a" * 100_000, '"a" . ' * 100_000 + "a", "[" + "a." * 100_000 + "a]"):
        with pytest.raises(Invalid, match="nested too deeply"):
            read_toml(f"{key} = 1\n")
    row = ", ".join(["1.5"] * 1_000)
    assert read_toml(f'a = [{row}]\nb = "{"." * 1_000}"\nc.d.e = 1.5\n')["c"] == {"d": {"e": 1.5}}


def test_a_number_that_is_not_finite_and_text_that_is_too_deep_are_refused() -> None:
    for text in ("a = nan", "a = -inf", "a = " + "[" * 5000, "a = " + "9" * 5000, "a = " + "9" * 20):
        with pytest.raises(Invalid):
            read_toml(text)


def test_a_date_is_text() -> None:
    assert read_toml("a = 2025-01-15\nb = 2025-01-15T10:00:00Z\n") == {
        "a": "2025-01-15",
        "b": "2025-01-15T10:00:00+00:00",
    }


@given(st.text(alphabet="{}[],=\"'#\\\n\r ab1", max_size=40))
def test_joining_never_changes_a_length_nor_fails(text: str) -> None:
    assert len(join_inline_tables(text)) == len(text)
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        try:
            read_toml(text)
        except Invalid as error:
            assert 1 <= error.details["line"] <= text.count("\n") + 1
    else:
        assert read_toml(text) == plain
