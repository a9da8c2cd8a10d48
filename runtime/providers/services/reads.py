"""Reads about services: `services.list`, `get`, `logs`, `stats`, `health`."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, segment, told
from runtime.providers.fields import ControllerId, Limit, Moment
from runtime.providers.services.shapes import HealthShown, Logs, ServiceList, ServiceShown, State, StatsShown

operations = OperationSet("services")

VIEW = "services.view"
TEXT_MOST = 96 * 1024
"""Characters of log lines that one step takes along, the newest; a step's output has a limit, and they stand twice."""

ServiceName = Annotated[str, Meta(description="The service's name or id.", min_length=1, max_length=256)]


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One service."""

    controller_id: ControllerId
    service: ServiceName


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which services."""

    controller_id: ControllerId
    state: Annotated[State | UnsetType, Meta(description="Only those in this state.")] = UNSET
    network: Annotated[str | UnsetType, Meta(description="Only those in this network.")] = UNSET
    label: Annotated[str | UnsetType, Meta(description="Only those with this label: `key` or `key=value`.")] = UNSET
    limit: Limit = 100


class LogsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines."""

    controller_id: ControllerId
    service: ServiceName
    tail: Annotated[int, Meta(description="The last so many lines.", ge=1, le=1000)] = 100
    stream: Literal["stdout", "stderr"] | UnsetType = UNSET
    since: Moment | UnsetType = UNSET
    until: Moment | UnsetType = UNSET
    instance: Annotated[str | UnsetType, Meta(description="Only this replica's.")] = UNSET


@operations.read("list", permission=VIEW, title="List services")
async def list_services(query: ListQuery, call: Call) -> ServiceList:
    """Services of a daemon, the oldest first."""
    found = await daemon_of(call).ask("GET", "services", query=given(query, "state", "network", "label"))
    rows = found["services"]
    return told({**found, "services": rows[: query.limit], "truncated": len(rows) > query.limit}, ServiceList)


@operations.read("get", permission=VIEW, title="Show a service")
async def get_service(which: Which, call: Call) -> ServiceShown:
    """A service as it is wanted and as it is, with its replicas."""
    return told(await daemon_of(call).ask("GET", f"services/{segment(which.service)}"), ServiceShown)


@operations.read("logs", permission=VIEW, title="Read a service's log")
async def read_logs(query: LogsQuery, call: Call) -> Logs:
    """The last lines that a service printed, the oldest first; `text` has them in one piece."""
    wanted = {"tail": str(query.tail), **given(query, "stream", "since", "until", "instance")}
    found = await daemon_of(call).ask("GET", f"services/{segment(query.service)}/logs", query=wanted)
    kept = _newest(found["entries"])
    text = "\n".join(str(each["message"]) for each in kept)
    shown = {**found, "entries": kept, "count": len(kept), "text": text, "truncated": len(kept) < found["count"]}
    return told(shown, Logs)


@operations.read("stats", permission=VIEW, title="Show what a service uses")
async def read_stats(which: Which, call: Call) -> StatsShown:
    """CPU, memory, bytes and requests of a service."""
    return told(await daemon_of(call).ask("GET", f"services/{segment(which.service)}/stats"), StatsShown)


@operations.read("health", permission=VIEW, title="Show a service's health")
async def read_health(which: Which, call: Call) -> HealthShown:
    """A service's health and that of each replica."""
    return told(await daemon_of(call).ask("GET", f"health/{segment(which.service)}"), HealthShown)


def given(query: msgspec.Struct, *names: str) -> dict[str, str]:
    """The fields among `names` that were given, as a query."""
    return {name: getattr(query, name) for name in names if getattr(query, name) is not UNSET}


def _newest(entries: list[Json]) -> list[Json]:
    left, first = TEXT_MOST, len(entries)
    while first and (left := left - len(entries[first - 1]["message"]) - 100) >= 0:
        first -= 1
    return entries[first:]
