"""Streams: answers that are server-sent events: a call that takes long, and word of a list of tools that changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sanic import Request
from sanic.response import HTTPResponse

from api.mcp.entrance import STREAM
from api.mcp.methods import completed
from api.mcp.rpc import Message, RequestId, result_body
from api.serving import Serving
from api.wiring import Application
from catalog.errors import FabricError, TooMany, Unavailable
from catalog.jsonvalue import Json, compact
from engine.tenancy import Actor, Credential
from engine.trials import Came

LOOK_SECONDS = 1.0
"""How often a listener's tools are looked at."""

ALIVE = b": still here\n\n"
_SUBSCRIPTION_KEY = "io.modelcontextprotocol/subscriptionId"


@asynccontextmanager
async def stream_of(serving: Serving, request: Request) -> AsyncIterator[HTTPResponse]:
    """An opened stream. Raises TooMany STREAM_LIMIT."""
    if serving.streams >= serving.limits.streams:
        raise TooMany("STREAM_LIMIT", "Too many streams are open.", retry_after=5, hint="Close one first.")
    serving.streams += 1
    try:
        yield await request.respond(
            content_type=STREAM, headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )
    finally:
        serving.streams -= 1


def event_of(message: Json) -> bytes:
    """A message as one event."""
    return b"event: message\ndata: %b\n\n" % compact(message)


async def awaited(application: Application, serving: Serving, actor: Actor, slow: str, response: HTTPResponse) -> Came:
    """What a slow call comes to; the client is told meanwhile that it goes on. Raises its error, or NOT_READY."""
    while not serving.stopping.is_set():
        await response.send(ALIVE)
        came = await application.assistants.late(actor, slow, serving.limits.heartbeat_seconds)
        if came is not None:
            return came
    raise Unavailable("NOT_READY", "The server is stopping.", hint="Look at what has become of it.")


class Listener:
    """Somebody who is told when his tools change."""

    def __init__(self, application: Application, serving: Serving, actor: Actor, credential: Credential) -> None:
        self._application = application
        self._serving = serving
        self._actor = actor
        self._credential = credential
        self._known = application.assistants.tools(actor)

    async def listen(self, request: Request, revision: str, message: Message | None) -> None:
        """Send what changes until the server stops or the credential no longer counts.

        `message` is the current revision's `subscriptions/listen`; None is the GET of the ones before it.
        """
        subscription = message.id if message is not None else None
        async with stream_of(self._serving, request) as response:
            wanted = message is None or _wants_tools(message)
            await response.send(ALIVE if message is None else event_of(_acknowledged(subscription, wanted)))
            async for changed in self._looks():
                await response.send(event_of(_changed(subscription)) if changed and wanted else ALIVE)
            if message is not None and subscription is not None:
                ended = completed({"_meta": {_SUBSCRIPTION_KEY: subscription}}, revision)
                await response.send(event_of(result_body(subscription, ended)))

    async def _looks(self) -> AsyncIterator[bool]:
        """Whether the tools have changed, each time that there is something to say."""
        loop, stopping = asyncio.get_running_loop(), self._serving.stopping
        said = loop.time()
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()
                return
            except TimeoutError:
                pass
            try:
                self._actor = await self._application.credentials.recheck(self._actor, self._credential)
            except FabricError:
                return
            tools = self._application.assistants.tools(self._actor)
            changed = tools != self._known
            self._known = tools
            if changed or loop.time() - said >= self._serving.limits.heartbeat_seconds:
                said = loop.time()
                yield changed


def _wants_tools(message: Message) -> bool:
    wanted = message.params.get("notifications")
    return isinstance(wanted, dict) and wanted.get("toolsListChanged") is True


def _acknowledged(subscription: RequestId | None, wanted: bool) -> Json:
    agreed = {"toolsListChanged": True} if wanted else {}
    return _notification("notifications/subscriptions/acknowledged", subscription, {"notifications": agreed})


def _changed(subscription: RequestId | None) -> Json:
    return _notification("notifications/tools/list_changed", subscription, {})


def _notification(method: str, subscription: RequestId | None, params: Json) -> Json:
    meta = {} if subscription is None else {"_meta": {_SUBSCRIPTION_KEY: subscription}}
    return {"jsonrpc": "2.0", "method": method, "params": {**params, **meta}}
