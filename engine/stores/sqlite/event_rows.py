"""Events as rows."""

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.events import Event
from catalog.jsonvalue import Json

EVENT_COLUMNS = "{0}.id, {0}.organisation_id, {0}.type, {0}.time, {0}.origin, {0}.body"


class EventBody(msgspec.Struct, frozen=True, array_like=True):
    """What of an event is not a column. Append fields with defaults; never reorder."""

    payload: Json = None
    artifact: ArtifactRef | None = None
    depth: int = 0
    cause: str | None = None
    only: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventBody).decode


def event_body(event: Event) -> bytes:
    """The body column of an event."""
    return _encode((event.payload, event.artifact, event.depth, event.cause, event.only))


def event_of(event_id: str, organisation_id: str, event_type: str, time: float, origin: str, body: bytes) -> Event:
    """The event of a row of EVENT_COLUMNS."""
    found = _decode(body)
    return Event(
        id=event_id,
        organisation_id=organisation_id,
        type=event_type,
        payload=found.payload,
        time=time,
        artifact=found.artifact,
        depth=found.depth,
        cause=found.cause,
        only=found.only,
        origin=origin,
    )
