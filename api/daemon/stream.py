"""Streams: answers that go on: server-sent events, or one JSON document a line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from math import inf
from typing import Any, TypeVar

import msgspec
from sanic.response import HTTPResponse

from api.daemon.endpoint import Answer, Asked
from catalog.errors import FabricError, TooMany
from catalog.jsonvalue import Json

T = TypeVar("T")

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"
OPENING = b"retry: 2000\n\n"
PING = b": ping\n\n"
BATCH = 256
"""Messages that go out in one piece where so many wait."""

_encode = msgspec.json.Encoder(enc_hook=str).encode


def wants_events(asked: Asked[Any, Any]) -> bool:
    """Does the caller ask for server-sent events?"""
    return EVENT_STREAM in (asked.header("accept") or "")


def sse(data: Json, *, event: str | None = None, number: int | None = None) -> bytes:
    """One message of an event stream."""
    head = b"" if number is None else b"id: %d\n" % number
    if event is not None:
        head += b"event: %b\n" % event.encode()
    return b"%bdata: %b\n\n" % (head, _encode(data))


def line(data: Json) -> bytes:
    """One line of NDJSON."""
    return _encode(data) + b"\n"


async def pour(asked: Asked[Any, Any], source: AsyncIterator[T], encode: Callable[[T], bytes], kind: str) -> Answer:
    """Answer with what `source` gives until it ends, the caller goes or the daemon stops.

    An event stream begins with `retry:` and has a `: ping` every 15 s. A caller who does not read for as long as a
    request may last is let go, and so is one whose key no longer counts. Raises TooMany STREAM_LIMIT.
    """
    door = asked.door
    if door.streams >= door.limits.streams:
        raise TooMany("STREAM_LIMIT", "Too many streams are open.", retry_after=5, hint="Close one first.")
    door.streams += 1
    asked.allow(inf)
    try:
        response = await asked.request.respond(
            content_type=kind, headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )
        await _pour(asked, source, encode, response, kind == EVENT_STREAM)
    except (FabricError, TimeoutError):
        pass  # the head is out: all that is left to say is that the stream ends
    finally:
        door.streams -= 1
    return Answer(sent=True)


async def _pour(
    asked: Asked[Any, Any], source: AsyncIterator[T], encode: Callable[[T], bytes], response: HTTPResponse, sse: bool
) -> None:
    door, patience = asked.door, asked.door.limits.request_seconds
    stopping = asyncio.ensure_future(door.stopping.wait())
    ahead = asyncio.ensure_future(_following(source))
    try:
        await response.send(OPENING if sse else b"")  # with nothing to say yet, at least the head goes out
        while not stopping.done():
            await asyncio.wait(
                (ahead, stopping), timeout=door.limits.heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            pieces: list[bytes] = []
            while ahead.done() and len(pieces) < BATCH:
                found = ahead.result()
                if found is None:
                    return await _send(response, b"".join(pieces), patience)
                pieces.append(encode(found))
                ahead = asyncio.ensure_future(_following(source))
                await asyncio.sleep(0)
            door.admit(asked.request)
            await _send(response, b"".join(pieces) or (PING if sse else b""), patience)
    finally:
        for each in (stopping, ahead):
            each.cancel()
        await asyncio.wait((stopping, ahead))


async def _following(source: AsyncIterator[T]) -> T | None:
    return await anext(source, None)


async def _send(response: HTTPResponse, data: bytes, patience: float) -> None:
    """Who does not read for so long is not waited for any more."""
    if data:
        async with asyncio.timeout(patience):
            await response.send(data)
