"""The canonical form: the same meaning, the same comments, and nothing more to change."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import connections
from catalog.errors import ConnectionInvalid, FabricError
from catalog.jsonvalue import Json, canonical
from connections import format as format_module
from connections.format import format_text, format_value
from connections.source import read

_WRITTEN = """\
# About the whole.
name: x # beside name
# above source
source_event: a.b
description: | # in the header
  text # no comment
  more
conditions:
  - {operator: in, field: trigger.x, value: [a, b]} # on a line
steps: # beside steps
  # above the first
  - operation_id: a.b # op
    params: {b: "# no", a: 1, "on": ~} # beside params
    # above needs
    needs: [z, # beside z
      # above y
      w]
    id: foo
  - # after a dash
    operation_id: c.d
  - {operation_id: c.e} # after a brace
# At the end.
"""
_CANONICAL = """\
# About the whole.
apiVersion: fabric/v1
kind: Connection
name: x  # beside name
description: |  # in the header
  text # no comment
  more
# above source
source_event: a.b
conditions:
  - {field: trigger.x, operator: in, value: [a, b]}  # on a line
steps:  # beside steps
  # above the first
  - id: foo
    operation_id: a.b  # op
    # above needs
    needs:
      - z  # beside z
      # above y
      - w
    params:  # beside params
      b: "# no"
      a: 1
      "on": null
  # after a dash
  - operation_id: c.d
  # after a brace
  - operation_id: c.e
# At the end.
"""


def test_keys_are_ordered_and_comments_stay_with_what_they_speak_of() -> None:
    assert format_text(_WRITTEN).decode() == _CANONICAL
    assert format_text(_CANONICAL).decode() == _CANONICAL


def test_json_becomes_yaml() -> None:
    formatted = format_text('{"steps": [{"operation_id": "a.b"}], "source_event": "a.#", "name": "\\ud83d\\ude00"}')
    assert formatted.decode() == (
        'apiVersion: fabric/v1\nkind: Connection\nname: "😀"\nsource_event: "a.#"\nsteps:\n  - operation_id: a.b\n'
    )


def test_a_rewrite_that_would_change_something_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format_module, "scalar", str)
    for name in ("'no'", "'~'", "'a # b'"):
        with pytest.raises(FabricError) as caught:
            format_text(f"name: {name}\nsource_event: a.b\nsteps:\n  - operation_id: a.b\n")
        assert caught.value.code == "FORMAT_UNSAFE"


def test_what_is_no_connection_is_not_touched() -> None:
    with pytest.raises(ConnectionInvalid):
        format_text("name: t\nname: u\n")


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["no", "1", "1e3", "~", "", " x", "x ", "a: b", "a #b", "- a", "{{trigger.x}}", "line\nline\n", "line\n\n line",
     "\n", "a\n", "a\nb", "x\ty", "...", "---", "'", '"', "\\", "%", "@", "\u2028", "\ufeff", "\x85", "#",
     "a,b", "[", "é"]
)  # fmt: skip
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
_connections = st.builds(
    lambda description, labels, params, extra: {
        "steps": [{"params": params, "operation_id": "a.b"}, {**extra, "operation_id": "c.d"}],
        "description": description,
        "source_event": ["a.b", "*"],
        "labels": labels,
        "name": "t",
    },
    _texts,
    st.dictionaries(_texts, _texts, max_size=3),
    st.dictionaries(_texts, _values, max_size=4),
    st.sampled_from([{}, {"retry": {"on": ["X"]}}, {"needs": []}, {"foreach": {"in": "{{trigger.x}}"}}]),
)


@settings(max_examples=700, deadline=None)
@given(_connections)
def test_any_connection_keeps_its_meaning_and_formats_once(value: dict[str, Json]) -> None:
    formatted = format_value(value)
    assert format_text(formatted) == formatted
    assert read(formatted).value == {"apiVersion": "fabric/v1", "kind": "Connection", **value}
    assert connections.load(formatted) == connections.load(value)
    assert canonical(connections.load(formatted).document()) == canonical(connections.load(value).document())


def _commented(text: str, chance: random.Random) -> tuple[str, int]:
    """The text with comments between lines and behind them, and how many."""
    lines: list[str] = []
    count = 0
    for line in text.splitlines():
        if chance.random() < 0.3:
            lines.append(f"{' ' * chance.randrange(6)}# comment {count}")
            count += 1
        if chance.random() < 0.3 and not line.endswith("|"):
            lines.append(f"{line}  # comment {count}")
            count += 1
        else:
            lines.append(line)
    return "\n".join(lines) + "\n", count


def test_no_comment_is_lost_wherever_it_stands() -> None:
    chance = random.Random(3)
    plain = re.sub(r" *#[^\n\"]*$", "", _WRITTEN, flags=re.MULTILINE).replace("description: |\n  text\n  more\n", "")
    for _ in range(400):
        text, count = _commented(plain, chance)
        formatted = format_text(text)
        assert format_text(formatted) == formatted
        assert sorted(re.findall(rb"# comment (\d+)", formatted)) == sorted(b"%d" % each for each in range(count))


def test_a_key_too_long_for_one_line_survives() -> None:
    value = {"name": "t", "source_event": "a.b", "steps": [{"operation_id": "a.b", "params": {"k" * 3000: {"a": [1]}}}]}
    assert connections.load(format_value(value)) == connections.load(value)
