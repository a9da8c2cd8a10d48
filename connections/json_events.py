"""JSON text as YAML events: JSON that YAML cannot read (escaped surrogate pairs, long keys) is read by JSON's rules.

Everything after the events is shared: one builder, one set of limits, one place where spans come from.
"""

import json
import re
from collections.abc import Iterator

import yaml
from yaml.error import Mark

_TOKEN = re.compile(r'[ \t\r\n]*(?:([{}\[\]:,])|("[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")|([-+.0-9A-Za-z]+)|(\Z))')
_LITERAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z|true\Z|false\Z|null\Z")


class NotJson(Exception):
    """The text is not JSON; it may still be YAML."""


def looks_like_json(text: str) -> bool:
    """Could this be a JSON object or array? YAML's flow style looks the same."""
    return text.lstrip(" \t\r\n")[:1] in ("{", "[")


def json_events(text: str) -> Iterator[yaml.Event]:
    """The events of a JSON document, with places. Raises NotJson where the text is anything else."""
    tokens = _Tokens(text)
    yield yaml.DocumentStartEvent(explicit=False)
    closers: list[str] = []
    while True:
        word, start, end = tokens.take()
        if word == "{":
            yield yaml.MappingStartEvent(None, None, True, start, end)
            closers.append("}")
            if tokens.peek() != "}":
                yield tokens.key()
                continue
        elif word == "[":
            yield yaml.SequenceStartEvent(None, None, True, start, end)
            closers.append("]")
            if tokens.peek() != "]":
                continue
        else:
            yield _scalar(word, start, end)
        yield from _after_value(tokens, closers)
        if not closers:
            break
        if closers[-1] == "}":
            yield tokens.key()
    tokens.expect("")
    yield yaml.DocumentEndEvent(explicit=False)


def _after_value(tokens: "_Tokens", closers: list[str]) -> Iterator[yaml.Event]:
    while closers:
        word, start, end = tokens.take()
        if word == ",":
            return
        if word != closers.pop():
            raise NotJson
        closed = yaml.MappingEndEvent if word == "}" else yaml.SequenceEndEvent
        yield closed(start, end)


def _scalar(word: str, start: Mark, end: Mark) -> yaml.Event:
    if word[:1] == '"':
        return yaml.ScalarEvent(None, None, (False, True), _unquoted(word), start, end, '"')
    if not _LITERAL.match(word):
        raise NotJson
    return yaml.ScalarEvent(None, None, (True, False), word, start, end, "")


def _unquoted(word: str) -> str:
    try:
        text: str = json.loads(word)
        text.encode()
    except ValueError:
        raise NotJson from None
    return text


class _Tokens:
    """A cursor over the tokens of a text; "" is the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 0
        self._line_start = 0

    def take(self) -> tuple[str, Mark, Mark]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise NotJson
        kind = found.lastindex or 0
        start, end = found.span(kind)
        breaks = self._text.count("\n", self._at, start)
        if breaks:
            self._line += breaks
            self._line_start = self._text.rindex("\n", self._at, start) + 1
        self._at = end
        return found[kind], self._mark(start), self._mark(end)

    def peek(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        return found[found.lastindex or 0] if found else ""

    def key(self) -> yaml.Event:
        word, start, end = self.take()
        if word[:1] != '"':
            raise NotJson
        event = _scalar(word, start, end)
        self.expect(":")
        return event

    def expect(self, wanted: str) -> None:
        if self.take()[0] != wanted:
            raise NotJson

    def _mark(self, index: int) -> Mark:
        return Mark("", index, self._line, index - self._line_start, None, 0)
