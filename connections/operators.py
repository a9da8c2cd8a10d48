"""What each condition operator means for a value that is there. Nothing here raises, whatever the value is."""

from collections.abc import Callable
from typing import Protocol

import re2

from catalog.jsonvalue import Json

Test = Callable[[Json], bool]
"""Does a value that is there pass?"""


class Pattern(Protocol):
    """A compiled google-re2 pattern."""

    def search(self, text: str, /) -> object | None:
        """The first match anywhere in `text`."""
        ...


_options = re2.Options()
_options.log_errors = False


def compile_pattern(pattern: str) -> Pattern | None:
    """A compiled google-re2 pattern (linear time, never `re`), or None where RE2 refuses it."""
    try:
        compiled: Pattern = re2.compile(pattern, _options)
        return compiled
    except (re2.error, UnicodeEncodeError):
        return None


def is_number(value: Json) -> bool:
    """A JSON number; true and false are none."""
    kind = type(value)
    return kind is int or kind is float


def equal(left: Json, right: Json) -> bool:
    """JSON equality: 1 equals 1.0, true does not equal 1, lists and objects by their contents."""
    kind = type(right)
    if kind is bool or right is None:
        return left is right
    if kind is dict:
        return type(left) is dict and left.keys() == right.keys() and all(equal(left[key], right[key]) for key in right)
    if kind is list:
        return type(left) is list and len(left) == len(right) and all(map(equal, left, right))
    if kind is str:
        return type(left) is str and bool(left == right)
    return is_number(left) and bool(left == right)


def test_of(operator: str, value: Json) -> Test:
    """The test of one operator against its constant. A value that is missing never comes here."""
    return _TESTS[operator](value)


def _eq(value: Json) -> Test:
    if type(value) is str:
        return lambda found: found == value
    return lambda found: equal(found, value)


def _ordered(compare: Callable[[Json, Json], bool]) -> Callable[[Json], Test]:
    def make(value: Json) -> Test:
        if type(value) is str:
            return lambda found: type(found) is str and compare(found, value)
        if is_number(value):
            return lambda found: is_number(found) and compare(found, value)
        return lambda _found: False

    return make


def _in(value: Json) -> Test:
    if type(value) is list and all(type(each) is str for each in value):
        words = frozenset(value)
        return lambda found: type(found) is str and found in words
    return lambda found: any(equal(found, each) for each in value)


def _contains(value: Json) -> Test:
    def test(found: Json) -> bool:
        if type(found) is str:
            return type(value) is str and value in found
        return type(found) is list and any(equal(each, value) for each in found)

    return test


def _matches(value: Json) -> Test:
    pattern = compile_pattern(value)
    if pattern is None:
        return lambda _found: False
    search = pattern.search

    def test(found: Json) -> bool:
        try:
            return type(found) is str and search(found) is not None
        except UnicodeEncodeError:  # a lone surrogate is no text, so it matches nothing
            return False

    return test


def _negated(make: Callable[[Json], Test]) -> Callable[[Json], Test]:
    def negated(value: Json) -> Test:
        test = make(value)
        return lambda found: not test(found)

    return negated


def _always(_value: Json) -> Test:
    return lambda _found: True


def _never(_value: Json) -> Test:
    return lambda _found: False


_TESTS: dict[str, Callable[[Json], Test]] = {
    "eq": _eq,
    "ne": _negated(_eq),
    "gt": _ordered(lambda found, value: bool(found > value)),
    "gte": _ordered(lambda found, value: bool(found >= value)),
    "lt": _ordered(lambda found, value: bool(found < value)),
    "lte": _ordered(lambda found, value: bool(found <= value)),
    "contains": _contains,
    "not_contains": _negated(_contains),
    "matches": _matches,
    "in": _in,
    "not_in": _negated(_in),
    "exists": _always,
    "not_exists": _never,
}
