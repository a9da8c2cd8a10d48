"""Stream: server-sent events of runs and changes, without a gap.

Every move of a run or change is numbered in the feed. A reader says by Last-Event-ID what he has seen and gets all that
came after it, from the store; the bus only says when to look.
"""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from api.endpoints import Answer, Asked
from api.fabric.shown import stamp
from catalog.errors import FabricError, Invalid, TooMany
from catalog.jsonvalue import Json
from engine.records import FEED, FeedEntry

BATCH = 200
OPENING = b": fabric\nretry: 2000\n\n"
HEARTBEAT = b": still here\n\n"

Seen = Annotated[int, Meta(ge=0, le=2**62, description="The last id seen, where a header cannot be set.")]


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to begin: after this id; left out, with what happens from now on. 0 is all that is kept."""

    last_event_id: Seen | None = None


class Move(msgspec.Struct, kw_only=True):
    """The data of one message: which run or change came to which state."""

    kind: str
    id: str
    state: str
    time: str


async def stream_moves(asked: Asked[None, StreamQuery]) -> Answer:
    """Moves of runs and changes as server-sent events: `id` numbers them, `event` is `run` or `change`.

    A heartbeat comes every 15 s. The stream ends when the server stops or the credential no longer counts.
    """
    serving = asked.serving
    if serving.streams >= serving.limits.streams:
        raise TooMany("STREAM_LIMIT", "Too many streams are open.", retry_after=5, hint="Close one first.")
    seen = await _start(asked)
    serving.streams += 1
    try:
        await _send_all(asked, seen)
    finally:
        serving.streams -= 1
    return Answer(sent=True)


async def _start(asked: Asked[None, StreamQuery]) -> int:
    text = asked.header("last-event-id")
    if text is not None:
        if not (text.isascii() and text.isdecimal() and len(text) <= 18):
            raise Invalid("LAST_EVENT_ID", "Last-Event-ID is not one of our ids.", hint="Send it as it came.")
        return int(text)
    if asked.query.last_event_id is not None:
        return asked.query.last_event_id
    return await asked.application.store.feed_head(asked.actor.organisation_id)


async def _send_all(asked: Asked[None, StreamQuery], seen: int) -> None:
    application, organisation = asked.application, asked.actor.organisation_id
    news = asyncio.Event()

    def heard(message: Json) -> None:
        if message is None or message == organisation:
            news.set()

    stop = application.bus.subscribe(FEED, heard)
    response = await asked.request.respond(
        content_type="text/event-stream", headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )
    try:
        await response.send(OPENING)
        while not asked.serving.stopping.is_set():
            news.clear()
            entries = await application.store.feed_after(organisation, seen, BATCH)
            if entries:
                if not await _still_counts(asked):
                    return
                await response.send(b"".join(_message(each) for each in entries))
                seen = entries[-1].seq
            elif not await _wait(news, asked):
                if not await _still_counts(asked):
                    return
                await response.send(HEARTBEAT)
    finally:
        stop()


async def _wait(news: asyncio.Event, asked: Asked[None, StreamQuery]) -> bool:
    """Wait for news, for the end, or for the next heartbeat (False)."""
    stopping = asked.serving.stopping
    waits = [asyncio.ensure_future(news.wait()), asyncio.ensure_future(stopping.wait())]
    try:
        done, _ = await asyncio.wait(
            waits, timeout=asked.serving.limits.heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for each in waits:
            each.cancel()
    return bool(done)


async def _still_counts(asked: Asked[None, StreamQuery]) -> bool:
    """A credential that was revoked, or a person who left, reads no further."""
    try:
        await asked.application.credentials.recheck(asked.actor, asked.credential)
    except FabricError:
        return False
    return True


def _message(entry: FeedEntry) -> bytes:
    time = stamp(entry.time).isoformat().replace("+00:00", "Z")
    data = msgspec.json.encode(Move(kind=entry.kind, id=entry.subject, state=entry.state, time=time))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.seq, entry.kind.encode(), data)
