"""Catalog: every operation and event that is known at one moment. An immutable value."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import TypeVar

import msgspec

from catalog.ai_tools import may_be_tool, tool_entry, tool_name
from catalog.errors import Invalid, NotFound
from catalog.events import EventSpec, Pattern, check_event
from catalog.jsonvalue import Json, digest
from catalog.operations import PLUGIN_PREFIX, Operation, Tier, check_operation

T = TypeVar("T")


_COME_AND_GO = {
    "service.": (
        "A service's functions are in the catalog once it has run: validate with `--live`, or where no server is asked"
        " name its folder with `--service`."
    ),
    PLUGIN_PREFIX: (
        "A plugin's operations are in the catalog while it is enabled: validate with `--live`, or where no server is"
        " asked with `--catalog` and a file of `fabric catalog export --live`."
    ),
}
"""Operations that a running server has and the built-in catalog has not, by how their ids begin."""


class Catalog:
    """The words a Connection may use. Raises Invalid OP_*, EVENT_* or PLUGIN_WRITE_FORBIDDEN when built wrongly."""

    def __init__(self, operations: Iterable[Operation], events: Iterable[EventSpec]) -> None:
        self.operations: Mapping[str, Operation] = _unique((op.id, op) for op in operations)
        self.events: Mapping[str, EventSpec] = _unique((spec.event_type, spec) for spec in events)
        for operation in self.operations.values():
            check_operation(operation)
        for spec in self.events.values():
            check_event(spec)

    def find_operation(self, operation_id: str) -> Operation | None:
        """The operation, or None."""
        return self.operations.get(operation_id)

    def get_operation(self, operation_id: str) -> Operation:
        """The operation. Raises NotFound OP_UNKNOWN with the nearest name as hint."""
        found = self.operations.get(operation_id)
        if found is None:
            hint = self.hint_for(operation_id)
            raise NotFound("OP_UNKNOWN", f"There is no operation `{operation_id[:80]}`.", hint=hint)
        return found

    def find_event(self, event_type: str) -> EventSpec | None:
        """The event spec, or None."""
        return self.events.get(event_type)

    def matching(self, pattern: Pattern) -> tuple[EventSpec, ...]:
        """Every known event that `pattern` names."""
        if pattern.exact:
            found = self.events.get(pattern.text)
            return (found,) if found else ()
        return tuple(spec for name, spec in self.events.items() if pattern.matches(name))

    def nearest_operation(self, name: str) -> str | None:
        """The known operation id most like `name`, for "did you mean"."""
        return nearest(name, self.operations)

    def hint_for(self, operation_id: str) -> str:
        """What somebody could do who names an operation that there is not."""
        for lead, why in _COME_AND_GO.items():
            if operation_id.startswith(lead):
                near = nearest(operation_id, [each for each in self.operations if each.startswith(lead)])
                return f"Did you mean `{near}`?" if near else why
        near = self.nearest_operation(operation_id)
        return f"Did you mean `{near}`?" if near else "See `fabric catalog ls`."

    def nearest_event(self, name: str) -> str | None:
        """The known event type most like `name`, for "did you mean"."""
        return nearest(name, self.events)

    @cached_property
    def tools(self) -> Mapping[str, Operation]:
        """Operations that assistants may be offered, by their names as tools; these are in order."""
        named = {tool_name(op.id): op for op in self.operations.values() if may_be_tool(op)}
        return dict(sorted(named.items()))

    @cached_property
    def ai_tools(self) -> list[Json]:
        """What an assistant may really call: reads, and writes that stage; never `fabric.webhook`."""
        return [tool_entry(op) for op in self.operations.values() if may_be_tool(op)]

    @cached_property
    def snapshot(self) -> Json:
        """The body of GET /catalog: counts, operations, events, ai_tools."""
        operations = [full_entry(each) for each in self.operations.values()]
        events = [full_entry(each) for each in self.events.values()]
        return {
            "counts": {
                "operations": len(operations),
                "events": len(events),
                "ai_tools": len(self.ai_tools),
                "native": _count(self.operations.values(), self.events.values(), Tier.NATIVE),
                "plugin": _count(self.operations.values(), self.events.values(), Tier.PLUGIN),
                "writes": sum(each.write for each in self.operations.values()),
            },
            "operations": operations,
            "events": events,
            "ai_tools": self.ai_tools,
        }

    @cached_property
    def digest(self) -> str:
        """Names this catalog's content: equal digests compile every Connection alike."""
        return digest(self.snapshot)


def full_entry(entry: Operation | EventSpec) -> Json:
    """An entry as JSON with every field, defaults too."""
    return {name: msgspec.to_builtins(getattr(entry, name)) for name in entry.__struct_fields__}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word of `known` most like `word`, None where none is near."""
    return next(iter(get_close_matches(word[:128], list(known), n=1, cutoff=0.6)), None)


def _count(operations: Iterable[Operation], events: Iterable[EventSpec], tier: Tier) -> Json:
    return {
        "operations": sum(each.tier is tier for each in operations),
        "events": sum(each.tier is tier for each in events),
    }


def _unique(pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, value in pairs:
        if name in found:
            raise Invalid("CATALOG_DUPLICATE", f"`{name}` is declared twice.")
        found[name] = value
    return found
