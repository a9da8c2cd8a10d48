"""Conditions: the table of the language page, and that nothing raises whatever a payload holds."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.jsonvalue import Json
from connections.conditions import Check
from connections.model import Condition, Operator

_MISSING = object()


def _holds(operator: Operator, value: Json, found: Json) -> bool:
    trigger = {} if found is _MISSING else {"f": found}
    return Check([Condition(field="trigger.f", operator=operator, value=value)]).holds({"trigger": trigger})


@pytest.mark.parametrize(
    ("operator", "value", "yes", "no"),
    [
        ("eq", 1, [1, 1.0], [True, "1", 2, None, [1], _MISSING]),
        ("eq", True, [True], [1, "true", False, None, _MISSING]),
        ("eq", "1", ["1"], [1, True, "", ["1"], _MISSING]),
        ("eq", None, [None], [0, "", False, [], _MISSING]),
        ("eq", [1, {"a": 2}], [[1.0, {"a": 2}]], [[1], [True, {"a": 2}], [1, {"a": 2, "b": 3}], {"a": 2}, _MISSING]),
        ("eq", {"a": [1]}, [{"a": [1]}], [{"a": [True]}, {"a": [1], "b": 1}, {}, [1], _MISSING]),
        ("ne", 1, [True, "1", 2, None], [1, 1.0, _MISSING]),
        ("gt", 2, [3, 2.5], [2, 1, True, "3", None, [3], _MISSING]),
        ("gte", 2, [2, 2.0, 3], [1.9, "2", _MISSING]),
        ("lt", "b", ["a", "aa", ""], ["b", "c", 1, None, _MISSING]),
        ("lte", "b", ["a", "b"], ["ba", 0, _MISSING]),
        ("contains", "el", ["hello", ["x", "el"]], ["HELLO", ["hello"], {"el": 1}, 5, None, _MISSING]),
        ("contains", 1, [[1], [1.0, 2]], ["1", [True], ["1"], 1, _MISSING]),
        ("not_contains", "el", ["x", ["hello"], 5, None, {"el": 1}], ["hello", ["el"], _MISSING]),
        ("in", ["a", "b"], ["a", "b"], ["c", "ab", ["a"], None, _MISSING]),
        ("in", [1, None, "x"], [1, 1.0, None, "x"], [True, "1", 0, _MISSING]),
        ("not_in", [1, "x"], [2, True, None], [1, "x", _MISSING]),
        ("matches", "^a.c$", ["abc"], ["xabc", "ac", 5, None, ["abc"], _MISSING]),
        ("matches", "b", ["abc"], ["ac", "\ud800", _MISSING]),
        ("exists", None, [None, 0, "", [], False], [_MISSING]),
        ("not_exists", None, [_MISSING], [None, 0, ""]),
    ],
)
def test_an_operator_holds_for_these_and_not_for_those(
    operator: Operator, value: Json, yes: list[Json], no: list[Json]
) -> None:
    assert [each for each in yes if not _holds(operator, value, each)] == []
    assert [each for each in no if _holds(operator, value, each)] == []


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["f", "g", "0"]), inner, max_size=3),
    max_leaves=8,
)
_fields = st.lists(st.sampled_from(["f", "g", "0", "1", "__class__"]), min_size=1, max_size=3).map(".".join)


@settings(max_examples=2000, deadline=None)
@given(st.sampled_from(get_args(Operator)), _json, _json, _fields)
def test_nothing_raises_whatever_is_compared(operator: Operator, value: Json, payload: Json, field: str) -> None:
    value = [value] if operator in ("in", "not_in") else "a+" if operator == "matches" else value
    check = Check([Condition(field=f"trigger.{field}", operator=operator, value=value)])
    assert check.holds({"trigger": payload}) in (True, False)
    opposite = {"eq": "ne", "in": "not_in", "contains": "not_contains", "exists": "not_exists"}
    if operator in opposite:
        other: Json = opposite[operator]
        negated = Check([Condition(field=f"trigger.{field}", operator=other, value=value)])
        present = Check([Condition(field=f"trigger.{field}", operator="exists")]).holds({"trigger": payload})
        expected = not check.holds({"trigger": payload}) if present or operator == "exists" else False
        assert negated.holds({"trigger": payload}) is expected


def _leaf(name: str, value: Json) -> Condition:
    return Condition(field=f"trigger.{name}", operator="eq", value=value)


def test_groups_nest() -> None:
    check = Check([
        _leaf("a", 1),
        Condition(any=(_leaf("b", 1), Condition(all=(_leaf("c", 1), Condition(not_=_leaf("d", 1)))))),
    ])  # fmt: skip
    assert check.holds({"trigger": {"a": 1, "b": 1}})
    assert check.holds({"trigger": {"a": 1, "c": 1}})
    assert not check.holds({"trigger": {"a": 1, "c": 1, "d": 1}})
    assert not check.holds({"trigger": {"b": 1, "c": 1}})


def test_equality_terms_are_those_that_must_hold() -> None:
    check = Check([
        _leaf("name", "x"),
        Condition(all=(_leaf("data.n", 1),)),
        Condition(any=(_leaf("other", "y"),)),
        Condition(not_=_leaf("not", "z")),
        Condition(field="trigger.f", operator="ne", value="q"),
        _leaf("items.0", "an index or a key, which an index cannot tell"),
        _leaf("deep", [1]),
        _leaf("nil", None),
    ])  # fmt: skip
    assert check.equality_terms == ((("name",), "x"), (("data", "n"), 1))


def test_a_report_says_of_each_condition_whether_it_held() -> None:
    check = Check([_leaf("a", 1), Condition(any=(_leaf("b", 2), _leaf("c", 3)))])
    first, second = check.explain({"trigger": {"a": 2, "c": 3}})
    assert (first.pointer, first.held, first.field, first.operator, first.present) == (
        "/conditions/0", False, "trigger.a", "eq", True,
    )  # fmt: skip
    assert (second.held, second.operator) == (True, "any")
    assert [(each.pointer, each.held, each.present) for each in second.parts] == [
        ("/conditions/1/any/0", False, False),
        ("/conditions/1/any/1", True, True),
    ]


def test_a_step_condition_looks_at_steps_by_id_or_number() -> None:
    context = {"trigger": {}, "steps": [{"output": {"n": 5}}, None]}
    for field in ("steps.first.output.n", "steps.0.output.n"):
        assert Check([Condition(field=field, operator="eq", value=5)], ("first", None)).holds(context)
    assert not Check([Condition(field="steps.1.output.n", operator="ne", value=5)], ("first", None)).holds(context)
