"""Look-ups in JSON values by path: dict keys and list indexes, never an attribute.

Types are asked with `type()`, because `isinstance` may read `__class__` of what it is given.
"""

from collections.abc import Callable
from typing import Final

from catalog.jsonvalue import Json


class _Missing:
    """Nothing is there; null is something."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
_DIGITS = frozenset("0123456789")


def index_of(segment: str) -> int | None:
    """The list index that a segment spells canonically (`0`, `7`, never `07`, `-1` or `١`), or None."""
    if not _DIGITS.issuperset(segment) or (segment[0] == "0" and segment != "0"):
        return None
    return int(segment)


def step_into(value: Json, segment: str | int) -> Json:
    """What stands under one segment, or MISSING. An int indexes a list; a digit string is a key or an index."""
    kind = type(value)
    if kind is dict or issubclass(kind, dict):
        # Not `.get`: on a subclass that is an attribute like any other.
        return value[segment] if segment in value else MISSING  # noqa: SIM401 - see above
    if kind is list or issubclass(kind, list):
        index = index_of(segment) if type(segment) is str else segment
        if type(index) is int and 0 <= index < len(value):
            return value[index]
    return MISSING


def find(value: Json, path: tuple[str | int, ...]) -> Json:
    """What stands at the end of a path, or MISSING."""
    for segment in path:
        value = step_into(value, segment)
        if value is MISSING:
            return MISSING
    return value


NOT_THERE = (KeyError, TypeError, IndexError)
"""What a getter raises where `find` has to decide."""


def getter(path: tuple[str | int, ...]) -> Callable[[Json], Json]:
    """A fast `find` for one path: unrolled where paths are short. Raises one of NOT_THERE instead of answering MISSING.

    A segment that could be an index goes the careful way, for it means another thing on a list than on a mapping.
    """
    if any(type(each) is str and index_of(each) is not None for each in path):
        return _careful(path)
    if len(path) == 2:
        first, second = path
        return lambda value: value[first][second]
    if len(path) == 3:
        first, second, third = path
        return lambda value: value[first][second][third]
    if len(path) == 4:
        first, second, third, fourth = path
        return lambda value: value[first][second][third][fourth]
    return _loop(path)


def _loop(path: tuple[str | int, ...]) -> Callable[[Json], Json]:
    def get(value: Json) -> Json:
        for segment in path:
            value = value[segment]
        return value

    return get


def _careful(path: tuple[str | int, ...]) -> Callable[[Json], Json]:
    def get(value: Json) -> Json:
        found = find(value, path)
        if found is MISSING:
            raise KeyError
        return found

    return get
