"""Matching: does what happened hold what was expected, and if not, where do they differ?"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
import re2

from catalog.jsonvalue import Json

T = TypeVar("T")

ANY, MATCHES, ABSENT = "$any", "$matches", "$absent"
"""Matchers that stand for a value: `{$any: true}`, `{$matches: REGEX}`, `{$absent: true}` (as a mapping's value)."""

_MISSING = object()


class Mismatch(msgspec.Struct, frozen=True):
    """A place in the scenario, what it wants, and what was there; `words` says that both are told, not quoted."""

    path: str
    expected: Json
    found: Json
    words: bool = False

    def __str__(self) -> str:
        expected, found = (str(each) if self.words else _short(each) for each in (self.expected, self.found))
        return f"{self.path}: expected {expected}, got {found}"


def subset(path: str, expected: Json, found: Json) -> Iterator[Mismatch]:
    """Where `found` lacks something of `expected`: mappings may hold more, lists and scalars are equal."""
    if isinstance(expected, dict) and len(expected) == 1 and (matcher := next(iter(expected))) in _MATCHERS:
        if not _MATCHERS[matcher](expected[matcher], found):
            yield Mismatch(path, expected, None if found is _MISSING else found)
        return
    if found is _MISSING:
        yield Mismatch(path, _short(expected), "nothing", words=True)
    elif isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from subset(f"{path}.{key}", value, found.get(key, _MISSING))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, value in enumerate(expected):
            yield from subset(f"{path}[{number}]", value, found[number])
    elif not _equal(expected, found):
        yield Mismatch(path, expected, found)


def _equal(expected: Json, found: Json) -> bool:
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    return bool(expected == found)


def _matches(pattern: Json, found: Json) -> bool:
    return isinstance(found, str) and re2.search(pattern, found) is not None


_MATCHERS: dict[str, Callable[[Json, Json], bool]] = {
    ANY: lambda _, found: found is not _MISSING,
    MATCHES: _matches,
    ABSENT: lambda wanted, found: (found is _MISSING) is bool(wanted),
}


def paired(
    path: str,
    expected: Sequence[T],
    found: Sequence[Json],
    compare: Callable[[str, T, Json], list[Mismatch]],
    name: Callable[[Json], str],
) -> Iterator[Mismatch]:
    """Match two lists in any order; each expected item takes the found one that differs least."""
    if len(expected) != len(found):
        there = f"{len(found)}: {', '.join(map(name, found)) or 'none'}"
        yield Mismatch(path, f"{len(expected)} of them", there, words=True)
    left = list(range(len(found)))
    for number, wanted in enumerate(expected):
        if not left:
            return
        place = f"{path}[{number}]"
        differences = {index: compare(place, wanted, found[index]) for index in left}
        best = min(left, key=lambda index: len(differences[index]))
        left.remove(best)
        yield from differences[best]


def _short(value: Json) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"
