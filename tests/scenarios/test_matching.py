"""Matching: what counts as held, and what a difference says."""

import pytest

from api.scenarios.matching import Mismatch, paired, subset
from catalog.jsonvalue import Json


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ([{"a": 1}], [{"a": 1, "b": 2}]),
        (1, 1.0),
        (None, None),
        ({"a": {"$any": True}}, {"a": None}),
        ({"a": {"$absent": True}}, {}),
        ({"$matches": "^b+$"}, "bbb"),
        ({}, {"a": 1}),
    ],
)
def test_what_holds(expected: Json, found: Json) -> None:
    assert list(subset("x", expected, found)) == []


@pytest.mark.parametrize(
    ("expected", "found", "path"),
    [
        ({"a": 1}, {}, "x.a"),
        ({"a": 1}, {"a": 2}, "x.a"),
        ([1], [1, 2], "x"),
        ([1, 2], [1, 3], "x[1]"),
        (True, 1, "x"),
        (1, True, "x"),
        ("1", 1, "x"),
        ({"a": {"$any": True}}, {}, "x.a"),
        ({"a": {"$absent": True}}, {"a": None}, "x.a"),
        ({"$matches": "^b+$"}, "abc", "x"),
        ({"$matches": "b"}, 7, "x"),
        ({}, [], "x"),
    ],
)
def test_what_does_not_hold_and_where(expected: Json, found: Json, path: str) -> None:
    assert [each.path for each in subset("x", expected, found)] == [path]


def test_a_difference_reads_as_a_sentence() -> None:
    assert str(Mismatch("expect.runs[0].state", "succeeded", "failed")) == (
        'expect.runs[0].state: expected "succeeded", got "failed"'
    )


def compare(path: str, wanted: Json, found: Json) -> list[Mismatch]:
    return list(subset(path, wanted, found))


def test_lists_are_matched_in_any_order() -> None:
    assert list(paired("x", [{"n": 2}, {"n": 1}], [{"n": 1}, {"n": 2}], compare, str)) == []


def test_one_too_many_and_one_too_few_are_told_with_what_there_is() -> None:
    few = list(paired("x", [{"n": 1}, {"n": 2}], [{"n": 1}], compare, str))
    many = list(paired("x", [{"n": 1}], [{"n": 1}, {"n": 2}], compare, str))
    none = list(paired("x", [{"n": 1}], [], compare, str))
    assert [str(each) for each in few] == ["x: expected 2 of them, got 1: {'n': 1}"]
    assert [str(each) for each in many] == ["x: expected 1 of them, got 2: {'n': 1}, {'n': 2}"]
    assert [str(each) for each in none] == ["x: expected 1 of them, got 0: none"]


def test_one_found_item_serves_one_expectation_only() -> None:
    found = list(paired("x", [{"n": 1}, {"n": 1}], [{"n": 1}, {"n": 2}], compare, str))
    assert [each.path for each in found] == ["x[1].n"]
