"""Events → JSON values: every rule of the strict dialect that is about more than one character.

Iterative, so that no input can exhaust the stack. What breaks a rule is reported and leaves BROKEN in its place, so
that one read finds all mistakes; what makes the rest unreadable raises Fatal.
"""

from collections.abc import Iterator
from typing import Final

import yaml

from catalog.diagnostics import Span, pointer
from catalog.jsonvalue import Json
from connections.findings import Findings
from connections.scalars import AMBIGUOUS, MERGE, Refusal, resolve

MAX_DEPTH = 32
MAX_NODES = 10_000
MAX_SCALAR_CHARACTERS = 65_536


class _Broken:
    """Stands where a value was refused: later checks pass over it."""

    def __repr__(self) -> str:
        return "BROKEN"


BROKEN: Final = _Broken()
_NO_KEY: Final = object()
_BAD_KEY: Final = object()


class Fatal(Exception):
    """Nothing after this point can be read; the reason is among the findings."""


class _Frame:
    """A collection under construction. In a mapping `key` is what the next value belongs to."""

    __slots__ = ("broken", "in_key", "key", "value")

    def __init__(self, value: Json, *, broken: bool, in_key: bool) -> None:
        self.value = value
        self.key: Json = _NO_KEY
        self.broken = broken
        self.in_key = in_key


def span_of(event: yaml.Event) -> Span | None:
    """Where the event stands; None for a value that never was a text."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return None
    width = end.column - start.column if end.line == start.line else 1
    return Span(start.line + 1, start.column + 1, max(width, 1))


class Builder:
    """Builds one document from its events."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._frames: list[_Frame] = []
        self._nodes = 0
        self._root: Json = BROKEN

    def build(self, events: Iterator[yaml.Event]) -> Json:
        """The document's value. Raises Fatal; whatever the events' source raises passes through."""
        documents = 0
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent):
                self._open({}, event)
            elif isinstance(event, yaml.SequenceStartEvent):
                self._open([], event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                self._document(event, documents)
        if not documents:
            self._fatal("YAML_EMPTY", "The file holds no Connection.", "Write at least `name:` and `source_event:`.")
        return self._root

    def _document(self, event: yaml.DocumentStartEvent, count: int) -> None:
        if count > 1:
            self._fatal(
                "YAML_MULTI_DOCUMENT", "The file holds more than one document.", "One Connection a file.", event
            )
        if event.version or event.tags:
            self._directive(event)

    def _directive(self, event: yaml.Event) -> None:
        self._findings.error(
            "", "YAML_DIRECTIVE_FORBIDDEN", "YAML directives are not allowed.", "Remove the line.", span_of(event)
        )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.key is _NO_KEY and type(frame.value) is dict:
            self._key(event, frame)
            return
        self._count(event)
        text: str = event.value
        value: Json = resolve(text) if event.implicit[0] else text
        if type(value) is Refusal:
            self._refuse(AMBIGUOUS if value is MERGE else value, self.pointer(), event)
            value = BROKEN
        elif len(text) > MAX_SCALAR_CHARACTERS:
            self._too_long(self.pointer(), event)
            value = BROKEN
        if (event.tag is not None or event.anchor is not None) and self._decorated(event):
            value = BROKEN
        self._put(value)

    def _key(self, event: yaml.ScalarEvent, frame: _Frame) -> None:
        text: str = event.value
        self._count(event, text)
        key: Json = resolve(text) if event.implicit[0] else text
        if type(key) is str and event.tag is None and event.anchor is None and len(text) <= MAX_SCALAR_CHARACTERS:
            if key in frame.value:
                self._findings.error(
                    self._pointer_of(key),
                    "YAML_DUPLICATE_KEY",
                    f"The key `{key[:80]}` stands twice.",
                    "Keep one of them.",
                    span_of(event),
                )
                key = _BAD_KEY
            frame.key = key
            return
        frame.key = _BAD_KEY
        if event.tag is not None or event.anchor is not None:
            self._decorated(event)
        elif type(key) is Refusal and key.code != "YAML_NUMBER_RANGE":
            self._refuse(key, self.pointer(), event)
        elif len(text) > MAX_SCALAR_CHARACTERS:
            self._too_long(self.pointer(), event)
        else:
            self._refuse(NOT_A_STRING, self.pointer(), event)

    def _open(self, value: Json, event: yaml.CollectionStartEvent) -> None:
        parent = self._frames[-1] if self._frames else None
        as_key = parent is not None and parent.key is _NO_KEY and type(parent.value) is dict
        self._count(event)
        if len(self._frames) >= MAX_DEPTH:
            self._fatal("YAML_TOO_DEEP", f"The file is nested deeper than {MAX_DEPTH} levels.", "Flatten it.", event)
        if as_key and parent is not None:
            self._refuse(NOT_A_STRING, self.pointer(), event)
            parent.broken = True
            parent.key = _BAD_KEY
        broken = (event.tag is not None or event.anchor is not None) and self._decorated(event)
        self._frames.append(_Frame(value, broken=broken, in_key=as_key))

    def _close(self) -> None:
        frame = self._frames.pop()
        if not frame.in_key:
            self._put(BROKEN if frame.broken else frame.value)

    def _put(self, value: Json) -> None:
        if not self._frames:
            self._root = value
            return
        frame = self._frames[-1]
        if type(frame.value) is list:
            frame.value.append(value)
            return
        if frame.key is not _BAD_KEY:
            frame.value[frame.key] = value
        frame.key = _NO_KEY

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._count(event)
        self._decorated(event)
        frame = self._frames[-1] if self._frames else None
        if frame is not None and frame.key is _NO_KEY and type(frame.value) is dict:
            frame.key = _BAD_KEY
        else:
            self._put(BROKEN)

    def _decorated(self, event: yaml.NodeEvent) -> bool:
        """Report tag and anchor. Says whether the value is unusable."""
        tag = getattr(event, "tag", None)
        if event.anchor is not None:
            self._refuse(ALIAS, self.pointer(), event)
        if tag is not None:
            self._refuse(TAG, self.pointer(), event)
        return tag is not None

    def _count(self, event: yaml.Event, key: str | None = None) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            place = self.pointer() if key is None else self._pointer_of(key)
            self._findings.error(
                place, "YAML_TOO_MANY_NODES", f"The file has more than {MAX_NODES} nodes.", "Split it.", span_of(event)
            )
            raise Fatal

    def pointer(self) -> str:
        """Where the value stands that comes next; below a bad key it is the mapping's own place."""
        return pointer(*self._path())

    def _pointer_of(self, key: str) -> str:
        return pointer(*self._path(), key)

    def _path(self) -> list[str | int]:
        path: list[str | int] = []
        for frame in self._frames:
            if type(frame.value) is list:
                path.append(len(frame.value))
            elif frame.key is _NO_KEY or frame.key is _BAD_KEY:
                break
            else:
                path.append(frame.key)
        return path

    def _too_long(self, place: str, event: yaml.Event) -> None:
        self._findings.error(
            place,
            "YAML_TOO_LARGE",
            f"The text is longer than {MAX_SCALAR_CHARACTERS} characters.",
            "Shorten it.",
            span_of(event),
        )

    def _refuse(self, refusal: Refusal, place: str, event: yaml.Event) -> None:
        self._findings.error(place, refusal.code, refusal.message, refusal.hint, span_of(event))

    def _fatal(self, code: str, message: str, hint: str, event: yaml.Event | None = None) -> None:
        self._findings.error("", code, message, hint, span_of(event) if event is not None else None)
        raise Fatal


NOT_A_STRING: Final = Refusal(
    "YAML_NON_STRING_KEY",
    "A key here is not plain text.",
    'Quote it: an unquoted {{…}} is a mapping to YAML, `"{{…}}"` is a template.',
)
ALIAS: Final = Refusal("YAML_ALIAS_FORBIDDEN", "Anchors and aliases are not allowed.", "Write the value out.")
TAG: Final = Refusal("YAML_TAG_FORBIDDEN", "YAML tags are not allowed.", "Remove the tag, or quote the value.")
