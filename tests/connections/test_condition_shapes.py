"""Conditions as they are written: one way to read each, an error at the key for everything else."""

import pytest

from catalog.errors import ConnectionInvalid
from catalog.jsonvalue import Json
from connections import load

_LEAF: Json = {"field": "trigger.x", "operator": "exists"}


def _errors(conditions: Json) -> list[tuple[str, str]]:
    source = {"name": "t", "source_event": "a.b", "conditions": conditions, "steps": [{"operation_id": "a.b"}]}
    try:
        load(source)
    except ConnectionInvalid as error:
        return [(each.code, each.pointer.removeprefix("/conditions")) for each in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("condition", "errors"),
    [
        (_LEAF, []),
        ({**_LEAF, "operator": "eq", "value": None}, []),
        ({"all": [_LEAF]}, []),
        ({"not": {"any": [_LEAF, _LEAF]}}, []),
        ("trigger.x", [("SCHEMA_TYPE", "/0")]),
        ({}, [("SCHEMA_REQUIRED", "/0/field")]),
        ({"not": {}}, [("SCHEMA_LIMIT", "/0/not")]),
        ({"any": None}, [("SCHEMA_TYPE", "/0/any")]),
        ({"all": []}, [("SCHEMA_LIMIT", "/0/all")]),
        ({"any": [_LEAF] * 17}, [("SCHEMA_LIMIT", "/0/any")]),
        ({"ani": [_LEAF]}, [("SCHEMA_UNKNOWN_FIELD", "/0/ani"), ("SCHEMA_REQUIRED", "/0/field")]),
        ({**_LEAF, "any": [_LEAF]}, [("SCHEMA_UNKNOWN_FIELD", "/0/any")]),
        ({"any": [_LEAF], "operator": "eq"}, [("SCHEMA_UNKNOWN_FIELD", "/0/operator")]),
        ({"any": [_LEAF], "all": [_LEAF]}, [("SCHEMA_UNKNOWN_FIELD", "/0/all"), ("SCHEMA_UNKNOWN_FIELD", "/0/any")]),
        ({"operator": "AND", "conditions": []}, [
            ("SCHEMA_ENUM", "/0/operator"), ("SCHEMA_UNKNOWN_FIELD", "/0/conditions"),
            ("SCHEMA_REQUIRED", "/0/field"), ("SCHEMA_REQUIRED", "/0/value"),
        ]),
        ({**_LEAF, "value": 1}, [("CONDITION_VALUE", "/0/value")]),
        ({"field": "trigger.x", "operator": "eq"}, [("SCHEMA_REQUIRED", "/0/value")]),
        ({"field": "", "operator": "exists"}, [("SCHEMA_LIMIT", "/0/field")]),
        ({"field": "trigger.x"}, [("SCHEMA_REQUIRED", "/0/operator"), ("SCHEMA_REQUIRED", "/0/value")]),
    ],
)  # fmt: skip
def test_a_condition_is_a_leaf_or_one_group(condition: Json, errors: list[tuple[str, str]]) -> None:
    assert _errors([condition]) == errors


def test_a_broken_condition_leaves_the_numbers_of_the_others() -> None:
    assert _errors([{}, _LEAF, {"nope": 1}]) == [
        ("SCHEMA_REQUIRED", "/0/field"),
        ("SCHEMA_UNKNOWN_FIELD", "/2/nope"),
        ("SCHEMA_REQUIRED", "/2/field"),
    ]


def test_conditions_nest_eight_deep_and_no_deeper() -> None:
    nested = _LEAF
    for _ in range(7):
        nested = {"not": nested}
    assert _errors([nested]) == []
    assert _errors([{"not": nested}]) == [("SCHEMA_LIMIT", "/0" + "/not" * 8)]


def test_a_list_has_one_to_sixteen_conditions() -> None:
    assert _errors([_LEAF] * 16) == []
    assert _errors([_LEAF] * 17) == [("SCHEMA_LIMIT", "")]
    assert _errors([]) == [("SCHEMA_LIMIT", "")]
