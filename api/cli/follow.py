"""Following: Server-Sent Events of runs and changes, taken up again where they broke off."""

import http.client
import json
import time
from collections.abc import Iterator

from api.cli.server import Server
from catalog.jsonvalue import Json

SILENCE = 60.0
"""Seconds without a heartbeat after which the connection counts as broken."""


def moves(server: Server, last: str | None = None) -> Iterator[Json]:
    """Every move of a run or change as it happens: what GET /stream sends as data. Never ends by itself.

    Raises FabricError as the server means it; Unavailable SERVER_UNREACHABLE when it stays away.
    """
    seen = last
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": seen} if seen else {})
        answer = server.open_stream("stream", headers, SILENCE)
        try:
            for number, data in _messages(answer):
                seen = number or seen
                yield data
        except (OSError, http.client.HTTPException):
            pass  # a stream that breaks is taken up again below; if the server is gone, that says so
        finally:
            answer.close()
        time.sleep(0.5)


def _messages(answer: http.client.HTTPResponse) -> Iterator[tuple[str | None, Json]]:
    number: str | None = None
    data: list[str] = []
    for line in answer:
        field, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            number = value
        elif field == "data":
            data.append(value)
        elif not field and not value and data:
            yield number, json.loads("\n".join(data))
            data = []
