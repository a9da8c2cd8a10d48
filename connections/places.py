"""Pointer → place in the text. Made only when there is something to report: a sound file pays nothing for it."""

from collections.abc import Iterator
from typing import Final

import yaml

from catalog.diagnostics import Span, pointer
from connections.builder import span_of

Places = dict[str, tuple[Span | None, Span | None]]
"""JSON pointer → span of the key (None for an item of a list) and of the value; a collection has its key's."""

_EXPECT_KEY: Final = None
_IN_KEY: Final = False
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def places(events: Iterator[yaml.Event]) -> Places:
    """Where everything stands. Two values of one pointer: the first."""
    found: Places = {}
    # One entry a collection: the number of the next item, or a mapping's key, or what it expects.
    path: list[str | int | bool | None] = []
    key: Span | None = None
    for event in events:
        kind = type(event)
        if kind in _CLOSING:
            path.pop()
            _advance(path)
        elif kind in _OPENING or kind in (yaml.ScalarEvent, yaml.AliasEvent):
            opening = kind in _OPENING
            if path and path[-1] is _EXPECT_KEY:
                key = span_of(event)
                path[-1] = _IN_KEY if opening else getattr(event, "value", "")
                if not opening:
                    continue
            place = pointer(*[each for each in path if each is not _EXPECT_KEY and each is not _IN_KEY])
            found.setdefault(place, (key, key if opening and key else span_of(event)))
            key = None
            if opening:
                path.append(0 if kind is yaml.SequenceStartEvent else _EXPECT_KEY)
            else:
                _advance(path)
    return found


def _advance(path: list[str | int | bool | None]) -> None:
    """After a value: the next item or key; after a key that is a collection: its value."""
    if not path:
        return
    last = path[-1]
    if last is _IN_KEY:
        path[-1] = ""
    else:
        path[-1] = last + 1 if type(last) is int else _EXPECT_KEY
