"""Rendering, the fast way: closures made for the shape of a template, for plain JSON of ordinary size.

Whatever is not ordinary (a missing field, a big value, a subclass) raises one of UNUSUAL, and the careful renderer
decides. So no closure here has to count bytes: it is enough that no leaf is longer than its share of the limit.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from catalog.jsonvalue import Json
from connections.lookup import NOT_THERE, getter
from connections.references import Parts, Reference

Renderer = Callable[[Json], Json]


class _OutOfTheOrdinaryError(Exception):
    """Only the careful renderer can tell."""


UNUSUAL: Final = (*NOT_THERE, _OutOfTheOrdinaryError, UnicodeEncodeError)
MAX_DEPTH = 40
BYTES_A_CHARACTER = 6
"""The most that one character takes in JSON: `\\u0000`."""

_encode = msgspec.json.Encoder().encode
_SMALL = frozenset({bool, float, type(None)})
_INTEGERS = range(-(2**63), 2**64)


def scalar(value: Json) -> Renderer:
    """Always the same."""
    return lambda _context: value


def never(_context: Json) -> Json:
    """For templates whose constants alone may pass the limit: always the careful way."""
    raise _OutOfTheOrdinaryError


def whole(reference: Reference, share: int) -> Renderer:
    """The value itself, with its type; a list or object is copied. `share` is in characters."""
    get = getter(reference.path)

    def render(context: Json) -> Json:
        value = get(context)
        kind = type(value)
        if kind is str:
            if len(value) > share:
                raise _OutOfTheOrdinaryError
            return value
        if kind in _SMALL or (kind is int and value in _INTEGERS):
            return value
        copied, size = copy_plain(value, 0)
        if size > share:
            raise _OutOfTheOrdinaryError
        return copied

    return render


def text(parts: Parts, share: int) -> Renderer:
    """Text with references in it."""
    references = [each for each in parts if isinstance(each, Reference)]
    if len(references) == 1 and len(references[0].path) == 2 and getter_is_plain(references[0]):
        return _text_of_two(parts, references[0], share)
    if len(references) == 1:
        return _text_of_one(parts, references[0], share)
    return _text_of_many(parts, share)


def getter_is_plain(reference: Reference) -> bool:
    """May the path be looked up by subscripts alone? Not where a segment could be an index as well as a key."""
    return all(type(each) is str and not each.isdecimal() for each in reference.path)


def _around(parts: Parts) -> tuple[str, str]:
    before = parts[0] if isinstance(parts[0], str) else ""
    after = parts[-1] if isinstance(parts[-1], str) else ""
    return before, after


def _text_of_two(parts: Parts, reference: Reference, share: int) -> Renderer:
    root, field = reference.path
    before, after = _around(parts)

    def render(context: Json) -> Json:
        value = context[root][field]
        if type(value) is not str:
            value = spelled(value, share)
        if len(value) > share:
            raise _OutOfTheOrdinaryError
        return f"{before}{value}{after}"

    return render


def _text_of_one(parts: Parts, reference: Reference, share: int) -> Renderer:
    get = getter(reference.path)
    before, after = _around(parts)

    def render(context: Json) -> Json:
        value = get(context)
        if type(value) is not str:
            value = spelled(value, share)
        if len(value) > share:
            raise _OutOfTheOrdinaryError
        return f"{before}{value}{after}"

    return render


def _text_of_many(parts: Parts, share: int) -> Renderer:
    pieces = [(each, None) if isinstance(each, str) else ("", getter(each.path)) for each in parts]

    def render(context: Json) -> Json:
        found = []
        for literal, get in pieces:
            if get is None:
                found.append(literal)
                continue
            value = get(context)
            if type(value) is not str:
                value = spelled(value, share)
            if len(value) > share:
                raise _OutOfTheOrdinaryError
            found.append(value)
        return "".join(found)

    return render


def spelled(value: Json, share: int) -> str:
    """Compact JSON of a value that is no string."""
    kind = type(value)
    if kind is int:
        if value not in _INTEGERS:
            raise _OutOfTheOrdinaryError
        return str(value)
    if kind not in _SMALL:
        value, size = copy_plain(value, 0)
        if size > share:
            raise _OutOfTheOrdinaryError
    return _encode(value).decode()


def copy_plain(value: Json, depth: int) -> tuple[Json, int]:
    """A copy, and a bound of its JSON in characters. Refuses what is deep or no plain JSON."""
    kind = type(value)
    if kind is str:
        return value, len(value) + 1
    if kind in _SMALL or (kind is int and value in _INTEGERS):
        return value, 5
    if depth >= MAX_DEPTH:
        raise _OutOfTheOrdinaryError
    size = 1
    if kind is dict:
        members = {}
        for key, each in value.items():
            if type(key) is not str:
                raise _OutOfTheOrdinaryError
            members[key], inner = copy_plain(each, depth + 1)
            size += inner + len(key) + 1
        return members, size
    if kind is list:
        items = []
        for each in value:
            item, inner = copy_plain(each, depth + 1)
            items.append(item)
            size += inner + 1
        return items, size
    raise _OutOfTheOrdinaryError


def mapping(members: list[tuple[str, Renderer]]) -> Renderer:
    """An object with rendered values; keys stand as they are."""
    if len(members) == 1:
        ((key, render),) = members
        return lambda context: {key: render(context)}
    if len(members) == 2:
        (key, render), (key2, render2) = members
        return lambda context: {key: render(context), key2: render2(context)}
    if len(members) == 3:
        (key, render), (key2, render2), (key3, render3) = members
        return lambda context: {key: render(context), key2: render2(context), key3: render3(context)}
    return lambda context: {key: render(context) for key, render in members}


def sequence(items: list[Renderer]) -> Renderer:
    """A list of rendered values."""
    return lambda context: [render(context) for render in items]
