"""Suggestions: which operations go with an event, for authors who begin with the event."""

import msgspec

from catalog.artifacts import accepts_any
from catalog.authority import Author
from catalog.catalog import Catalog
from catalog.errors import NotFound
from catalog.events import EventSpec, parse_pattern
from catalog.fit import Fit, fits
from catalog.jsonvalue import Json
from catalog.operations import Operation, Tier
from catalog.reach import Presence, lookup


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that the event can feed.

    `match` says why: `artifact` (it accepts what the event brings), `schema` (the payload has all it requires) or
    `sink` (it takes anything). `params` are the templates that would fill those parameters. `allowed`: the author holds
    its permission; None where no author was asked about.
    """

    operation_id: str
    title: str
    write: bool
    permission: str | None
    match: tuple[str, ...]
    params: dict[str, str]
    allowed: bool | None


def suggest(source_event: str, catalog: Catalog, *, author: Author | None = None) -> list[Suggestion]:
    """Operations compatible with an event type or pattern, the closest first.

    Raises Invalid SCHEMA_PATTERN, and NotFound EVENT_UNKNOWN where nothing known matches: then nothing is suggested,
    not even a sink.
    """
    specs = catalog.matching(parse_pattern(source_event))
    if not specs:
        near = catalog.nearest_event(source_event)
        hint = f"Did you mean `{near}`?" if near else "See `fabric catalog ls`."
        raise NotFound("EVENT_UNKNOWN", f"There is no event `{source_event[:80]}`.", hint=hint)
    schema = {"anyOf": [each.payload_schema for each in specs]}
    found = [each for op in catalog.operations.values() if (each := _suggestion(op, specs, schema, author))]
    return sorted(found, key=_rank)


def _rank(suggestion: Suggestion) -> tuple[bool, bool, str]:
    return "artifact" not in suggestion.match, "schema" not in suggestion.match, suggestion.operation_id


def _suggestion(
    operation: Operation, specs: tuple[EventSpec, ...], payload: Json, author: Author | None
) -> Suggestion | None:
    brought = tuple(each.produces for each in specs if each.produces)
    if operation.accepts and not accepts_any(brought, operation.accepts):
        return None
    params = _fillable(operation, payload)
    match: tuple[str, ...] = ("artifact",) if operation.accepts else ()
    match += ("schema",) if params else ()
    match += ("sink",) if _is_sink(operation) else ()
    if not match:
        return None
    return Suggestion(
        operation_id=operation.id,
        title=operation.title,
        write=operation.write,
        permission=operation.permission,
        match=match,
        params=params,
        allowed=_allowed(operation, author) if author is not None else None,
    )


def _fillable(operation: Operation, payload: Json) -> dict[str, str]:
    """Parameters that a field of the same name and a fitting type could fill; {} where a required one is left over."""
    found = {}
    for name, wanted in operation.input_schema.get("properties", {}).items():
        presence, given = lookup(payload, (name,))
        named = any(name in each.get("properties", {}) for each in payload["anyOf"])
        if named and presence is not Presence.NEVER and fits(given, wanted) is not Fit.NEVER:
            found[name] = f"{{{{trigger.{name}}}}}"
    return found if found.keys() >= set(operation.input_schema.get("required", ())) else {}


def _is_sink(operation: Operation) -> bool:
    return operation.permission is None and operation.tier is Tier.NATIVE and not operation.write


def _allowed(operation: Operation, author: Author) -> bool:
    return _is_sink(operation) or operation.permission in author.permissions
