"""Text → value: strict YAML and JSON, read at event level. No exception leaves this module, whatever bytes go in."""

import re
from collections.abc import Callable, Iterator
from typing import Final

import yaml
from yaml._yaml import CParser

from catalog.diagnostics import Diagnostic, Severity, Span
from catalog.jsonvalue import Json
from connections.builder import BROKEN, Builder, Fatal
from connections.findings import Findings
from connections.json_events import NotJson, json_events, looks_like_json
from connections.places import Places, places
from connections.value_events import value_events

MAX_BYTES = 262_144

_REFUSED_CHARACTER: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]"
)


Events = Callable[[], Iterator[yaml.Event]]
"""Begins to read a text anew."""


class Document:
    """What was read. `value` holds BROKEN where something was refused; `findings` says what and why.

    `readable` is false where reading stopped; `events` reads the text again (None where there is no text).
    """

    __slots__ = ("_places", "events", "findings", "readable", "value")

    def __init__(
        self, value: Json, findings: Findings, *, events: Events | None = None, readable: bool = False
    ) -> None:
        self._places: Places | None = None
        self.value = value
        self.findings = findings
        self.events = events
        self.readable = readable

    def located(self) -> tuple[Diagnostic, ...]:
        """Every finding with its place, in the order of the text; what has no place keeps its order, first.

        A warning at the place of an error is left out: mending that comes first.
        """
        wrong = {each.pointer for each in self.findings.items if each.severity is Severity.ERROR}
        told = [each for each in self.findings.items if each.severity is Severity.ERROR or each.pointer not in wrong]
        found = [self._locate(each) for each in told]
        return tuple(sorted(found, key=lambda each: (each.span.line, each.span.column) if each.span else (0, 0)))

    def _locate(self, diagnostic: Diagnostic) -> Diagnostic:
        if diagnostic.span is not None or self.events is None or not self.readable:
            return diagnostic
        if self._places is None:
            self._places = places(self.events())
        place = diagnostic.pointer
        key, value = self._places.get(place, (None, None))
        while place and key is None and value is None:
            place = place.rpartition("/")[0]
            key, value = self._places.get(place, (None, None))
            value = key or value
        span = key if diagnostic.code in _AT_THE_KEY or value is None else value
        fields = {name: getattr(diagnostic, name) for name in diagnostic.__struct_fields__}
        return Diagnostic(**{**fields, "span": span})


_AT_THE_KEY = frozenset({"SCHEMA_UNKNOWN_FIELD", "PARAM_UNKNOWN_FIELD", "PARAM_HEADER", "WRITE_RETRY"})


def read(source: str | bytes | Json) -> Document:
    """Read a text, bytes, or a value that was already JSON."""
    findings = Findings()
    if not isinstance(source, str | bytes):
        return _built(None, value_events(source), findings)
    text = _decoded(source, findings)
    if text is None:
        return Document(BROKEN, findings)
    try:
        return _built(lambda: yaml_events(text), yaml_events(text), findings)
    except yaml.YAMLError as error:
        return _as_json(text) or _unreadable(error, text, findings)


def _as_json(text: str) -> Document | None:
    """JSON that YAML cannot read: its escaped surrogate pairs, its long keys. None where it is no JSON either."""
    if not looks_like_json(text):
        return None
    try:
        return _built(lambda: json_events(text), json_events(text), Findings())
    except NotJson:
        return None


def _built(again: Events | None, events: Iterator[yaml.Event], findings: Findings) -> Document:
    try:
        value = Builder(findings).build(events)
    except Fatal:
        return Document(BROKEN, findings)
    if value is None:
        findings.error("", "YAML_EMPTY", "The file holds no Connection.", "Write at least `name:` and `source_event:`.")
        return Document(BROKEN, findings)
    return Document(value, findings, events=again, readable=True)


def _decoded(source: str | bytes, findings: Findings) -> str | None:
    """The text without one leading byte order mark, or None after saying what is wrong."""
    size = len(source) if isinstance(source, bytes) or len(source) > MAX_BYTES else len(source.encode(errors="replace"))
    if size > MAX_BYTES:
        findings.error("", "YAML_TOO_LARGE", f"The file is larger than {MAX_BYTES} bytes.", "Split the Connection.")
        return None
    try:
        text = source.decode("utf-8") if isinstance(source, bytes) else source
    except UnicodeDecodeError:
        findings.error("", "YAML_ENCODING", "The file is not UTF-8.", "Save it as UTF-8.")
        return None
    text = text.removeprefix("\ufeff")
    found = _REFUSED_CHARACTER.search(text)
    if found is None:
        return text
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    findings.error(
        "",
        "YAML_ENCODING",
        f"The file holds the control character U+{ord(found[0]):04X}.",
        "Remove it, or escape it in quotes.",
        Span(line, column),
    )
    return None


def yaml_events(text: str) -> Iterator[yaml.Event]:
    """libyaml's events of a text. Raises yaml.YAMLError."""
    parser = CParser(text)
    while (event := parser.get_event()) is not None:
        yield event


def _unreadable(error: yaml.YAMLError, text: str, findings: Findings) -> Document:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "the text is not YAML"
    span = Span(mark.line + 1, mark.column + 1) if mark is not None else None
    if mark is not None and _is_directive(text, mark.line):
        findings.error("", "YAML_DIRECTIVE_FORBIDDEN", "YAML directives are not allowed.", "Remove the line.", span)
    else:
        findings.error(
            "",
            "YAML_SYNTAX",
            f"The text is not YAML: {problem}.",
            "Quote text that begins with `@`, `*`, `{`, `[`, `%` or a quote, or that holds `: ` or ` #`.",
            span,
        )
    return Document(BROKEN, findings)


def _is_directive(text: str, line: int) -> bool:
    lines = text.split("\n")
    return line < len(lines) and lines[line].startswith("%")
