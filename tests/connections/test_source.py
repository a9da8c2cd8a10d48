"""The strict reader: what comes in, with places; what does not, with a code. Nothing else leaves it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import ConnectionInvalid
from catalog.jsonvalue import Json
from connections import load
from connections.builder import MAX_NODES
from connections.source import MAX_BYTES, read


def _codes(source: str | bytes | Json) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in read(source).findings.items]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", 1),
        ("a: -0", 0),
        ("a: 1.5", 1.5),
        ("a: 1e3", 1000.0),
        ("a: 9223372036854775807", 2**63 - 1),
        ("a: true", True),
        ("a: ~", None),
        ("a:", None),
        ("a: null", None),
        ("a: 'no'", "no"),
        ('a: "010"', "010"),
        ("a: NaN", "NaN"),
        ("a: 192.168.0.1", "192.168.0.1"),
        ("a: 00:11:22:33:44:55", "00:11:22:33:44:55"),
        ("a: 3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01", "3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01"),
        ("a: v1.2.3", "v1.2.3"),
        ("a: 500ms", "500ms"),
        ("a: x#y", "x#y"),
        ('a: "\\x41\\u0042\\0"', "AB\0"),
        ("a: 名前 😀", "名前 😀"),
    ],
)
def test_a_scalar_is_what_json_says_or_text(text: str, value: Json) -> None:
    document = read(text)
    assert not document.findings.items
    assert document.value == {"a": value}
    assert type(document.value["a"]) is type(value)


@pytest.mark.parametrize(
    "word",
    ["yes", "No", "ON", "off", "y", "N", "True", "FALSE", "Null", "010", "0x1F", "0b11", "0o17", "1_000", "+1", ".5",
     "1.", "1:30", "12:30:45", "190:20:30.15", "2026-11-21", "2026-13-45", "2001-12-14t21:59:43.10-05:00",
     "2001-12-14 21:59:43.10 -5", "=", "<<"],
)  # fmt: skip
def test_what_yaml_versions_read_differently_must_be_quoted(word: str) -> None:
    assert _codes(f"a: {word}") == [("YAML_AMBIGUOUS_SCALAR", "/a")]
    assert _codes(f"a: '{word}'") == []


@pytest.mark.parametrize("word", [".inf", "-.INF", ".nan", "1e999", "9223372036854775808", "1" * 5000])
def test_numbers_that_json_cannot_carry_are_refused(word: str) -> None:
    assert _codes(f"a: {word}") == [("YAML_NUMBER_RANGE", "/a")]


def test_size_is_counted_in_bytes_before_anything_else() -> None:
    assert _codes(b"\xff" * (MAX_BYTES + 1)) == [("YAML_TOO_LARGE", "")]
    assert _codes("é" * (MAX_BYTES // 2 + 1)) == [("YAML_TOO_LARGE", "")]
    assert _codes(b"\xff\xfe") == [("YAML_ENCODING", "")]


@pytest.mark.parametrize("character", "\0\a\x0b\x0c\x1b\x7f\x85\u2028\u2029\ufeff\ufffe\uffff\ud800")
def test_control_characters_and_hidden_line_breaks_are_refused(character: str) -> None:
    assert _codes(f'a: "x{character}y"') == [("YAML_ENCODING", "")]


def test_a_node_too_many_is_pointed_at_itself() -> None:
    items = MAX_NODES - 4
    assert _codes("a: [" + "1," * items + "]\nb: 1") == [("YAML_TOO_MANY_NODES", "/b")]
    assert _codes("a: [" + "1," * items + "1]") == []
    assert _codes("a: [" + "1," * (MAX_NODES + 5) + "]") == [("YAML_TOO_MANY_NODES", f"/a/{MAX_NODES - 3}")]


def test_thirty_two_levels_are_read_and_no_more() -> None:
    assert _codes("a: " + "[" * 31 + "]" * 31) == []
    assert _codes("a: " + "[" * 32 + "]" * 32) == [("YAML_TOO_DEEP", "")]
    assert _codes("{a: " * 20000) == [("YAML_TOO_DEEP", "")]


def test_one_read_finds_every_mistake() -> None:
    text = "on: 1\na: no\nb: &x 1\nc: *x\nd: !!str 1\ne: 1\ne: 2\n? [f]\n: 1\n"
    assert [code for code, _ in _codes(text)] == [
        "YAML_AMBIGUOUS_SCALAR",
        "YAML_AMBIGUOUS_SCALAR",
        "YAML_ALIAS_FORBIDDEN",
        "YAML_ALIAS_FORBIDDEN",
        "YAML_TAG_FORBIDDEN",
        "YAML_DUPLICATE_KEY",
        "YAML_NON_STRING_KEY",
    ]


@pytest.mark.parametrize("text", ["*a", "&a", "!!x", "[*a]", "? *a\n: 1", "&a {}", "{a: *b, *b : 1}", "!!x &y z"])
def test_decorated_nodes_are_refused_wherever_they_stand(text: str) -> None:
    assert _codes(text)
    with pytest.raises(ConnectionInvalid):
        load(text)


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.text(max_size=2000), _json_values, min_size=1, max_size=4), st.booleans())
def test_json_is_read_as_json_however_it_is_spelled(value: dict[str, Json], ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1 if ascii_only else None)
    document = read(text)
    if [each.code for each in document.findings.items] == ["YAML_ENCODING"]:
        assert not ascii_only or "\x7f" in text
        return
    assert not document.findings.items
    assert json.dumps(document.value) == json.dumps(value)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=20), _json_values, min_size=1, max_size=4))
def test_an_object_passes_the_same_gate_as_its_text(value: dict[str, Json]) -> None:
    document = read(value)
    assert not document.findings.items
    assert json.dumps(document.value) == json.dumps(value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({1: 2}, "YAML_NON_STRING_KEY"),
        ({"a": float("nan")}, "YAML_NUMBER_RANGE"),
        ({"a": -float("inf")}, "YAML_NUMBER_RANGE"),
        ({"a": 2**70}, "YAML_NUMBER_RANGE"),
        ({"a": b"x"}, "YAML_TAG_FORBIDDEN"),
        ({"a": "x" * 70_000}, "YAML_TOO_LARGE"),
        (None, "YAML_EMPTY"),
    ],
)
def test_an_object_that_is_no_json_is_refused(value: Json, code: str) -> None:
    assert [found for found, _ in _codes(value)] == [code]


def test_an_object_that_holds_itself_is_too_deep() -> None:
    value: dict[str, Json] = {}
    value["a"] = value
    assert _codes(value) == [("YAML_TOO_DEEP", "")]


def test_places_are_those_of_the_text_in_yaml_and_in_json() -> None:
    for text in (
        "name: x\nsteps:\n  - operation_id: fabric\n",
        '{"name": "x",\n"steps": [\n    {"operation_id": "fabric"}]}',
    ):
        with pytest.raises(ConnectionInvalid) as caught:
            load(text)
        found = {each.pointer: each.span for each in caught.value.diagnostics}
        wrong = found["/steps/0/operation_id"]
        assert wrong is not None
        assert text.splitlines()[wrong.line - 1][wrong.column - 1 :].strip('"').startswith("fabric")
        assert wrong.line == 3
