"""Where keys stand: tables, lists of tables, inline tables over several lines."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.jsonvalue import Json
from runtime.forms.toml_places import key_lines, line_of

TEXT = '''# a comment
mortar_version = "1.0"
[service.gate]
networks = ["edge",   # one
  "core"]
environment = {
  A = "1",
  B = { C = """
[no.table]
""" },
}
"quoted key".deep = 1
[service.gate.health_check.http]
path = "/"
[[policy.p.deny]]
from = ["a"]
[[policy.p.deny]]
from = ["b"]
[policy.p.deny.more]
x = 1
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("mortar_version", 2),
        ("service.gate", 3),
        ("service.gate.networks[0]", 4),
        ("service.gate.networks[1]", 5),
        ("service.gate.environment", 6),
        ("service.gate.environment.A", 7),
        ("service.gate.environment.B.C", 8),
        ("service.gate.quoted key.deep", 12),
        ("service.gate.health_check.http.path", 14),
        ("policy.p.deny[0].from[0]", 16),
        ("policy.p.deny[1].from[0]", 18),
        ("policy.p.deny[1].more.x", 20),
        ("service.gate.image", 3),
        ("policy.p.deny[1].to", 17),
        ("nothing.of.it", None),
    ],
)
def test_a_key_or_what_is_round_it_has_a_line(place: str, line: int | None) -> None:
    assert line_of(key_lines(TEXT), place) == line


def test_windows_line_ends_count_as_one() -> None:
    assert line_of(key_lines("\ufeff" + TEXT.replace("\n", "\r\n")), "policy.p.deny[1].more.x") == 20


def paths(value: Json, path: str) -> set[str]:
    found = {path} - {""}
    if isinstance(value, dict):
        for key, each in value.items():
            found |= paths(each, f"{path}.{key}" if path else key)
    if isinstance(value, list):
        for at, each in enumerate(value):
            found |= paths(each, f"{path}[{at}]")
    return found


KEYS = st.sampled_from(["a", "b", '"c d"', "e.f"])
VALUES = st.recursive(
    st.sampled_from(["1", '"x"', "'y # ]'", '"""m\nn"""', "true", "1979-05-27T07:32:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: "[\n" + ", # x\n".join(each) + "]")
        | st.dictionaries(KEYS, inner, max_size=2).map(
            lambda each: "{" + ", ".join(f"{key} = {value}" for key, value in each.items()) + "}"
        )
    ),
    max_leaves=6,
)
STATEMENTS = st.lists(
    st.tuples(KEYS, VALUES).map(lambda each: f"{each[0]} = {each[1]}")
    | st.sampled_from(["[t]", "[t.u]", "[[l]]", "[[ l.m ]]", "# comment", "", '["c d".x]']),
    max_size=8,
).map("\n".join)


@given(STATEMENTS)
def test_every_key_of_a_document_has_a_line_and_none_is_made_up(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        key_lines(text)
        return
    lines = key_lines(text)
    assert set(lines) == paths(document, "")
    assert all(1 <= each <= text.count("\n") + 1 for each in lines.values())
