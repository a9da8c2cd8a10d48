"""/v1/services/{id}/logs: what a service printed, and what it prints."""

import asyncio
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from sanic.response import HTTPResponse

from api.daemon.endpoint import Answer, Asked, Endpoint
from api.daemon.envelope import success
from api.daemon.stream import EVENT_STREAM, NDJSON, line, pour, sse, wants_events
from api.daemon.times import moment
from runtime.daemon.logs import LogEntry


class LogsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines: `tail` the last so many, 0 all; `follow` goes on with what comes."""

    tail: Annotated[int, Meta(ge=0)] = 0
    follow: bool = False
    since: str | None = None
    until: str | None = None
    stream: Literal["stdout", "stderr"] | None = None
    instance: str | None = None


async def service_logs(asked: Asked[None, LogsQuery]) -> Answer:
    """Lines that a service printed; with `follow=true` a stream: events where they are asked for, else NDJSON."""
    query, daemon = asked.query, asked.daemon
    service = daemon.services.get(asked.path["id"])
    log = daemon.logs.of(service.id)
    since, until = moment(query.since, "since"), moment(query.until, "until")
    if not query.follow:
        found = log.entries(
            tail=query.tail, since_ns=since, until_ns=until, stream=query.stream, instance=query.instance
        )
        return Answer(await asyncio.to_thread(_answered, service.id, found))
    lines = log.follow(tail=query.tail, since_ns=since, until_ns=until, stream=query.stream, instance=query.instance)
    try:
        if wants_events(asked):
            return await pour(asked, lines, lambda each: sse(each.shown(), event="log"), EVENT_STREAM)
        return await pour(asked, lines, lambda each: line(each.shown()), NDJSON)
    finally:
        lines.close()


def _answered(service_id: str, entries: list[LogEntry]) -> HTTPResponse:
    """Ten thousand lines take longer to write than the loop may stand still."""
    return success({"id": service_id, "entries": [each.shown() for each in entries], "count": len(entries)})


ENDPOINTS = (Endpoint(method="GET", path="/v1/services/{id}/logs", handler=service_logs, gives={200: dict}),)
