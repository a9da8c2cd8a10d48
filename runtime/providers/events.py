"""A daemon's history of events."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, told
from runtime.providers.fields import ControllerId, Count, Limit, Moment
from runtime.providers.native import NativeProvider

operations = OperationSet("events")

EventType = Literal[
    "service.created",
    "service.started",
    "service.stopped",
    "service.failed",
    "service.scaled",
    "health.changed",
    "network.created",
    "volume.created",
    "policy.violated",
]


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events."""

    controller_id: ControllerId
    types: Annotated[list[EventType] | UnsetType, Meta(description="Only these types; none of them: all.")] = UNSET
    service: Annotated[str | UnsetType, Meta(description="Only this service's, by name or id.")] = UNSET
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    limit: Limit = 100


class Happened(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened; what `data` holds goes by the type."""

    id: str
    type: str
    service_id: str | None = None
    data: dict[str, Json]
    timestamp: str


class History(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events, newest first; `total` counts them without the limit."""

    events: list[Happened]
    total: Count


@operations.read("history", permission="events.view", title="List what happened at a daemon")
async def event_history(query: HistoryQuery, call: Call) -> History:
    """Events that a daemon has kept, newest first."""
    wanted = {"limit": str(query.limit)}
    if query.types is not UNSET:
        wanted["types"] = ",".join(query.types)
    for name in ("service", "since", "until"):
        value = getattr(query, name)
        if value is not UNSET:
            wanted[name] = value
    return told(await daemon_of(call).ask("GET", "events/history", query=wanted), History)


EVENTS = NativeProvider(operations)
