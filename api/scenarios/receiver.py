"""Receiver: a real HTTP server on loopback that answers from a script and remembers what reached it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from api.scenarios.model import AnswerOut
from catalog.jsonvalue import Json


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request; header names are in lower case, `body` is its JSON, or its text where it is none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Json
    raw: bytes


class Receiver:
    """Answers in turn; the last answer stays."""

    def __init__(self, answers: Sequence[int | AnswerOut]) -> None:
        self._answers = [AnswerOut(status=each) if isinstance(each, int) else each for each in answers] or [AnswerOut()]
        self.received: list[Received] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Note the request and answer it."""
        raw = await request.read()
        script = self._answers[min(len(self.received), len(self._answers) - 1)]
        self.received.append(
            Received(
                method=request.method,
                path=request.path_qs,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=_json_or_text(raw),
                raw=raw,
            )
        )
        if script.delay:
            await asyncio.sleep(script.delay)
        text = script.body if isinstance(script.body, str) else json.dumps(script.body)
        kind = "text/plain" if isinstance(script.body, str) else "application/json"
        body = b"" if script.body is None else text.encode()
        return web.Response(status=script.status, body=body, headers={"Content-Type": kind, **script.headers})


@asynccontextmanager
async def receiving(answers: Sequence[int | AnswerOut]) -> AsyncIterator[Receiver]:
    """A Receiver on a free port of 127.0.0.1."""
    receiver = Receiver(answers)
    application = web.Application(client_max_size=2**24)
    application.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        receiver.url = f"http://127.0.0.1:{port}"
        yield receiver
    finally:
        await runner.cleanup()


def _json_or_text(raw: bytes) -> Json:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
