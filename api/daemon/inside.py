"""Inside: the services API asked from within the process: the same routes and handlers, without HTTP."""

import re
from collections.abc import Mapping
from typing import TypeVar, cast
from urllib.parse import unquote, urlencode

import msgspec
from sanic import Request
from sanic.response import HTTPResponse

from api.daemon.decoding import decode_body, decode_query
from api.daemon.door import Door
from api.daemon.endpoint import Asked, Endpoint
from api.daemon.routes import ENDPOINTS
from catalog.daemons import ANSWER_SECONDS
from catalog.errors import FabricError, Invalid, Unavailable
from catalog.jsonvalue import Json, compact
from runtime.drivers.daemon.envelope import opened

B = TypeVar("B")
Q = TypeVar("Q")


class AskedInside(Asked[B, Q], frozen=True, kw_only=True):
    """A request that no connection brought: it has no headers, and whoever asks bounds his own wait."""

    def header(self, name: str) -> str | None:
        """None."""
        return None

    def allow(self, seconds: float) -> None:
        """Nothing is to be allowed."""


class Inside:
    """Implements `catalog.daemons.DaemonApi` over a daemon's own door. Streams and uploads are not asked for here."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._routes = [(_pattern(each), each) for each in ENDPOINTS]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Json:
        """See DaemonApi."""
        if self._door.stopping.is_set():
            raise Unavailable("SERVICES_UNAVAILABLE", "The services daemon is stopping.", hint="Try again later.")
        endpoint, found = self._find(method, path)
        content = b"" if body is None else compact(body)
        try:
            asked: AskedInside[Json, Json] = AskedInside(
                door=self._door,
                path=found,
                query=decode_query(endpoint, urlencode(query) if query else ""),
                body=decode_body(endpoint, content),
                request=cast(Request, None),
            )
            work = endpoint.handler(asked)
            given = await (self._door.own(work) if endpoint.owned else work)
        except FabricError as error:
            if error.code.startswith("JSON_"):
                raise Invalid("INVALID_REQUEST", error.message, hint=error.hint) from None
            raise
        if isinstance(given.body, HTTPResponse):
            # What is long has been written down already, in its envelope.
            return opened(given.status, given.body.body or b"")
        return msgspec.json.decode(msgspec.json.encode(given.body))

    def _find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        for pattern, endpoint in self._routes:
            found = pattern.fullmatch(f"/v1/{path}")
            if found is not None and method in endpoint.method.split():
                return endpoint, {name: unquote(each) for name, each in found.groupdict().items()}
        raise ValueError(f"the services API has no `{method} {path}`")


def _pattern(endpoint: Endpoint) -> re.Pattern[str]:
    """A `{name}` is one segment, a `{name*}` at the end all that is left."""
    rest = re.sub(r"\\\{(\w+)\\\*\\\}", r"(?P<\1>.+)", re.escape(endpoint.path))
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", rest))
