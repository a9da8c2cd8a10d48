"""/v1/events: what happens, as it happens and as it happened."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.daemon.endpoint import Answer, Asked, Endpoint
from api.daemon.stream import EVENT_STREAM, pour, sse
from api.daemon.times import moment
from catalog.errors import Invalid
from runtime.daemon.events import DaemonEvent

Limit = Annotated[int, Meta(ge=0, le=100_000)]


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events; `types` is comma-separated."""

    types: str | None = None
    service: str | None = None
    since: str | None = None


class HistoryQuery(EventQuery, frozen=True, kw_only=True):
    """Which events, until when, and how many at most."""

    until: str | None = None
    limit: Limit = 100


async def stream_events(asked: Asked[None, EventQuery]) -> Answer:
    """Events as server-sent events: `id` numbers them, `event` is the type.

    After Last-Event-ID, or `since`, comes what is kept, then what happens, without a gap.
    """
    query = asked.query
    subscription = asked.daemon.events.subscribe(
        _types(query.types), _service(asked, query.service), _last_seen(asked), moment(query.since, "since")
    )
    try:
        return await pour(asked, subscription, _message, EVENT_STREAM)
    finally:
        subscription.close()


async def event_history(asked: Asked[None, HistoryQuery]) -> Answer:
    """Events that are kept, newest first; `total` counts them without `limit`."""
    query = asked.query
    found, total = await asked.daemon.events.whole_history(
        _types(query.types),
        _service(asked, query.service),
        moment(query.since, "since"),
        _until(query.until),
        query.limit,
    )
    return Answer({"events": [each.shown() for each in found], "total": total})


def _types(text: str | None) -> list[str] | None:
    return None if not text else [each.strip() for each in text.split(",")]


def _service(asked: Asked[None, EventQuery] | Asked[None, HistoryQuery], text: str | None) -> str | None:
    """A service's id for its name; one that is gone is known by what its events say of it."""
    found = None if text is None else asked.daemon.services.find(text)
    return text if found is None else found.id


def _until(text: str | None) -> int | None:
    """A time without a fraction is that whole second, as events are printed to the second."""
    found = moment(text, "until")
    return found if found is None or (text and "." in text) else found + 999_999_999


def _last_seen(asked: Asked[None, EventQuery]) -> int | None:
    text = asked.header("last-event-id")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        hint = "Send the `id` of a message as it came."
        raise Invalid("INVALID_REQUEST", "`Last-Event-ID` is not one of our ids.", hint=hint)
    return int(text)


def _message(event: DaemonEvent) -> bytes:
    return sse(event.streamed(), event=event.type, number=event.seq)


ENDPOINTS = (
    Endpoint(method="GET", path="/v1/events", handler=stream_events, gives={200: str}),
    Endpoint(method="GET", path="/v1/events/history", handler=event_history, gives={200: dict}),
)
