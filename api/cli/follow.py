"""Following: Server-Sent Events of runs and changes, taken up again where they broke off."""

import http.client
import json
import time
from collections.abc import Iterable, Iterator, Mapping

from api.cli.client import Client
from api.cli.server import Server
from catalog.jsonvalue import Json

SILENCE = 60.0
"""Seconds without a heartbeat after which the connection counts as broken."""


HEARTBEAT: Json = {"kind": "heartbeat", "id": "", "state": "", "time": ""}


def moves(server: Server) -> Iterator[Json]:
    """Every move of a run or change as it happens: what GET /stream sends as data. Never ends by itself.

    HEARTBEAT comes in between, so that who waits for something can look whether it is there already.

    Raises FabricError as the server means it; Unavailable SERVER_UNREACHABLE when it stays away.
    """
    seen: str | None = None
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": seen} if seen else {})
        answer = server.open_stream("stream", headers, SILENCE)
        try:
            yield HEARTBEAT
            for number, _, data in parsed(answer):
                seen = number or seen
                yield data
        except (OSError, http.client.HTTPException):
            pass  # a stream that breaks is taken up again below; if the server is gone, that says so
        finally:
            answer.close()
        time.sleep(0.5)


def messages(
    client: Client, path: str, query: Mapping[str, Json], *, seen: str | None = None
) -> Iterator[tuple[str | None, str | None, Json]]:
    """The messages of one event stream: their id, their event, their data. Ends where the stream ends.

    Raises FabricError as the server means it, or as the client says where it is gone.
    """
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": seen} if seen else {})
    answer = client.open_stream(path, headers, SILENCE, query)
    try:
        for number, event, data in parsed(answer):
            if data is not HEARTBEAT:
                yield number, event, data
    except (OSError, http.client.HTTPException) as error:
        raise client.unreachable(error) from None
    finally:
        answer.close()


def parsed(answer: Iterable[bytes]) -> Iterator[tuple[str | None, str | None, Json]]:
    """An event stream's lines as messages; a comment is HEARTBEAT."""
    number: str | None = None
    event: str | None = None
    data: list[str] = []
    for line in answer:
        field, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if not field and value:
            yield None, None, HEARTBEAT
        elif field == "id":
            number = value
        elif field == "event":
            event = value
        elif field == "data":
            data.append(value)
        elif not field and not value and data:
            yield number, event, json.loads("\n".join(data))
            data, event = [], None
