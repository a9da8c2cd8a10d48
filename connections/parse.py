"""Value → Connection: every SCHEMA_* mistake of a file at once."""

import re

from catalog.diagnostics import pointer
from catalog.errors import ConnectionInvalid, Invalid
from catalog.events import parse_pattern
from catalog.jsonvalue import Json
from connections.builder import BROKEN
from connections.durations import find_rate
from connections.model import API_VERSION, KIND, Connection, Foreach, Retry, Step
from connections.parse_conditions import condition_list
from connections.references import ROOTS
from connections.shape import (
    INVALID,
    Reader,
    Shape,
    boolean,
    choice,
    duration,
    integer,
    items,
    mapping,
    read_fields,
    text,
    wrong_type,
)
from connections.source import Document, read

MAX_STEPS = 32
MAX_NAME = 128
MAX_COOLDOWN = 86_400

STEP_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
_OPERATION_ID = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+\Z")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f]*\Z")
_ITEM_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_CODE = re.compile(r"[A-Z][A-Z0-9_]*\Z")


def _pattern(shape: Shape, value: Json, at: str) -> Json:
    if type(value) is not str:
        return wrong_type(shape, value, at, "an event pattern")
    try:
        parse_pattern(value)
    except Invalid as error:
        return shape.refuse(at, "SCHEMA_PATTERN", error.message, error.hint)
    return value


def _source_event(shape: Shape, value: Json, at: str) -> Json:
    if type(value) is list:
        return items(_pattern, shortest=1)(shape, value, at)
    return _pattern(shape, value, at)


def _max_rate(shape: Shape, value: Json, at: str) -> Json:
    if type(value) is not str:
        return wrong_type(shape, value, at, "a rate such as `10/m`")
    rate = find_rate(value)
    if rate is None:
        return shape.refuse(at, "SCHEMA_PATTERN", "`max_rate` is no rate.", "Write `10/s`, `10/m` or `10/h`.")
    if rate[0] == 0:
        return shape.refuse(at, "SCHEMA_RANGE", "`max_rate` must let at least one firing through.", "Use `enabled`.")
    return value


def _labels(shape: Shape, value: Json, at: str) -> Json:
    if type(value) is not dict:
        return wrong_type(shape, value, at, "a mapping of text to text")
    for key, each in value.items():
        if each is not BROKEN:
            _label(shape, each, at + pointer(key))
    return value


_label = text()
_item_name_form = text(pattern=_ITEM_NAME, form="`[a-z][a-z0-9_]{0,31}`")


def _item_name(shape: Shape, value: Json, at: str) -> Json:
    if value in ROOTS:
        return shape.refuse(at, "SCHEMA_PATTERN", f"`{value}` is the name of a root.", "Choose another name.")
    return _item_name_form(shape, value, at)


_FOREACH: dict[str, Reader] = {
    "in": text(),
    "as": _item_name,
    "max_parallel": integer(1, 64),
    "max_items": integer(1, 10_000),
}
_RETRY: dict[str, Reader] = {
    "max_attempts": integer(1, 100),
    "delay": duration(zero=True),
    "max_delay": duration(zero=True),
    "backoff": choice("exponential", "constant"),
    "on": items(text(pattern=_CODE, form="`UPPER_SNAKE`"), shortest=1),
}


def _foreach(shape: Shape, value: Json, at: str) -> Json:
    if type(value) is not dict:
        return wrong_type(shape, value, at, "a mapping with `in` and `as`")
    found = read_fields(shape, value, at, _FOREACH, ("in",))
    if "in" not in found or f"{at}/as" in shape.broken:
        shape.broken.add(at)
        return INVALID
    return Foreach(in_=found.pop("in"), as_=found.pop("as", "item"), **found)


def _retry(shape: Shape, value: Json, at: str) -> Json:
    if type(value) is not dict:
        return wrong_type(shape, value, at, "a mapping with `max_attempts` and `delay`")
    return Retry(**read_fields(shape, value, at, _RETRY, ()))


_STEP: dict[str, Reader] = {
    "id": text(pattern=STEP_ID, form="`[a-z][a-z0-9_-]{0,63}`"),
    "operation_id": text(pattern=_OPERATION_ID, form="`module.verb`"),
    "needs": items(text(pattern=STEP_ID, form="of a step's `id`")),
    "if": condition_list,
    "join": choice("all", "any"),
    "foreach": _foreach,
    "params": mapping,
    "retry": _retry,
    "timeout": duration(),
    "on_missing": choice("error", "empty", "skip"),
    "continue_on_error": boolean,
}
_UNUSABLE = Step(operation_id="")
"""Stands for a step that cannot be read, so that the numbers of the others stay."""


def _step(shape: Shape, value: Json, at: str) -> Step:
    if type(value) is not dict:
        wrong_type(shape, value, at, "a mapping with `operation_id`")
        return _UNUSABLE
    found = read_fields(shape, value, at, _STEP, ("operation_id",))
    if "if" in found:
        found["if_"] = found.pop("if")
    return Step(operation_id=found.pop("operation_id", ""), **found)


def _steps(shape: Shape, value: Json, at: str) -> Json:
    if type(value) is not list:
        return wrong_type(shape, value, at, "a list of steps")
    if not 1 <= len(value) <= MAX_STEPS:
        shape.refuse(
            at,
            "SCHEMA_LIMIT",
            f"There are {len(value)} steps; there must be 1 to {MAX_STEPS}.",
            "Split the Connection." if value else "Add a step.",
        )
    found = []
    for number, each in enumerate(value[: MAX_STEPS * 2]):
        place = f"{at}/{number}"
        if each is BROKEN:
            shape.broken.add(place)
        found.append(_UNUSABLE if each is BROKEN else _step(shape, each, place))
    return tuple(found)


_CONNECTION: dict[str, Reader] = {
    "apiVersion": choice(API_VERSION),
    "kind": choice(KIND),
    "name": text(shortest=1, longest=MAX_NAME, pattern=_PRINTABLE, form="of text without control characters"),
    "description": text(),
    "labels": _labels,
    "enabled": boolean,
    "source_event": _source_event,
    "conditions": condition_list,
    "cooldown_seconds": integer(0, MAX_COOLDOWN),
    "max_rate": _max_rate,
    "timeout": duration(),
    "steps": _steps,
}
FIELDS = tuple(_CONNECTION)
STEP_FIELDS = tuple(_STEP)


class Draft:
    """A Connection as far as it could be read. `broken` holds the pointers whose value could not be used."""

    __slots__ = ("broken", "connection", "document")

    def __init__(self, document: Document, connection: Connection | None, broken: frozenset[str]) -> None:
        self.document = document
        self.connection = connection
        self.broken = broken


def draft(source: str | bytes | Connection | dict[str, Json]) -> Draft:
    """Read a Connection as far as possible; every mistake is among the document's findings."""
    document = read(source.document() if isinstance(source, Connection) else source)
    if not document.readable or document.value is BROKEN:
        return Draft(document, None, frozenset())
    shape = Shape(document.findings)
    if type(document.value) is not dict:
        wrong_type(shape, document.value, "", "a mapping with `name`, `source_event` and `steps`")
        return Draft(document, None, frozenset())
    found = read_fields(shape, document.value, "", _CONNECTION, ("name", "source_event", "steps"))
    found.pop("apiVersion", None)
    found.pop("kind", None)
    found = {"name": "", "source_event": (), "steps": (), **found}
    return Draft(document, Connection(**found), frozenset(shape.broken))


def load(source: str | bytes | Connection | dict[str, Json]) -> Connection:
    """Read a Connection and check its shape; no catalog is needed. Raises ConnectionInvalid with every mistake."""
    read_so_far = draft(source)
    if read_so_far.connection is None or read_so_far.document.findings.failed:
        raise ConnectionInvalid(read_so_far.document.located())
    return read_so_far.connection
