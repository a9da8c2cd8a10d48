"""Comments of a YAML text, each tied to the key or list item it speaks of, so that a rewritten file keeps them."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import yaml

from catalog.diagnostics import pointer

_COMMENT = re.compile(r"(?:(?<=[ \t\n])|\A)#[^\n]*")
_OPENERS = frozenset("-[{?")


class Comments:
    """`head` stands before everything, `foot` after; the others before (`above`) or beside (`beside`) a pointer."""

    def __init__(self) -> None:
        self.head: list[str] = []
        self.foot: list[str] = []
        self.above: dict[str, list[str]] = {}
        self.beside: dict[str, list[str]] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        groups: Iterable[list[str]] = (self.head, self.foot, *self.above.values(), *self.beside.values())
        return sum(len(each) for each in groups)

    def inside(self, at: str) -> bool:
        """Does one belong to something below this pointer?"""
        return any(each.startswith(f"{at}/") for each in (*self.above, *self.beside))


_Place = tuple[int, str]
"""An index into the text, and the pointer of what stands there."""


def _index(place: _Place) -> int:
    return place[0]


class _Anchors:
    """Where keys and list items begin, where flow collections end, and where text stands that holds no comment."""

    def __init__(self) -> None:
        self.starts: list[_Place] = []
        self.ends: list[_Place] = []
        self.scalars: list[tuple[int, int, bool]] = []


def comments_of(text: str, events: Iterator[yaml.Event]) -> Comments:
    """The comments of a text that was read before without a mistake, with the events of that text."""
    anchors = _anchors(events)
    found = Comments()
    for start, comment in _all_comments(text, anchors):
        line = text[text.rfind("\n", 0, start) + 1 : start].rstrip()
        next_start = bisect_right(anchors.starts, start, key=_index)
        if line and line[-1] not in _OPENERS and line != "---":
            # A comment after `}` speaks of the whole, whose end comes later in the text than its last key.
            last_end = bisect_right(anchors.ends, start, key=_index)
            before = anchors.starts[max(next_start - 1, 0) : next_start] + anchors.ends[max(last_end - 1, 0) : last_end]
            found.beside.setdefault(max(before, default=(0, ""))[1], []).append(comment)
        elif not next_start:
            found.head.append(comment)
        elif next_start == len(anchors.starts):
            found.foot.append(comment)
        else:
            found.above.setdefault(anchors.starts[next_start][1], []).append(comment)
    return found


def _all_comments(text: str, anchors: _Anchors) -> Iterator[tuple[int, str]]:
    """Position and text of each comment: whatever begins with `#` outside of scalars, or in a block scalar's head."""
    end = 0
    for start, stop, block in anchors.scalars:
        yield from _in_gap(text, end, start)
        if block:
            header = text[start : start + text[start:stop].find("\n") + 1]
            sharp = header.find(" #")
            if sharp >= 0:
                yield start, header[sharp + 1 :].rstrip()
        end = stop
    yield from _in_gap(text, end, len(text))


def _in_gap(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    for found in _COMMENT.finditer(text, start, end):
        yield found.start(), found[0].rstrip()


def _anchors(events: Iterator[yaml.Event]) -> _Anchors:
    anchors = _Anchors()
    path: list[str | int | None] = []
    flows: list[bool] = []
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            path.pop()
            if flows.pop() and event.end_mark is not None:
                anchors.ends.append((event.end_mark.index, _at(path)))
            _advance(path)
        elif isinstance(event, yaml.NodeEvent) and event.start_mark is not None and event.end_mark is not None:
            is_key = bool(path) and path[-1] is None
            if is_key and isinstance(event, yaml.ScalarEvent):
                path[-1] = event.value
            if path and (is_key or isinstance(path[-1], int)):
                anchors.starts.append((event.start_mark.index, _at(path)))
            if isinstance(event, yaml.ScalarEvent):
                block = event.style in ("|", ">")
                anchors.scalars.append((event.start_mark.index, event.end_mark.index, block))
                if not is_key:
                    _advance(path)
            elif isinstance(event, yaml.CollectionStartEvent):
                flows.append(bool(event.flow_style))
                path.append(0 if isinstance(event, yaml.SequenceStartEvent) else None)
    return anchors


def _at(path: list[str | int | None]) -> str:
    return pointer(*[each for each in path if each is not None])


def _advance(path: list[str | int | None]) -> None:
    if path:
        last = path[-1]
        path[-1] = last + 1 if isinstance(last, int) else None
