"""/v1/services/{id}/proxy/…: a request for a service itself, whatever its method, handed on as it came."""

import asyncio
from collections.abc import Iterator, Sequence

from sanic import Request
from sanic.http import Http
from sanic.response import HTTPResponse

from api.daemon.endpoint import Answer, AnyQuery, Asked, Endpoint, Raw
from catalog.errors import TargetFailed
from runtime.daemon.traffic.private_paths import is_private, not_found
from runtime.wasm.messages import HEADERS_MOST, Header, decode_answer, encode_request

LOCAL = "127.0.0.1"
"""Where a caller at the Unix socket counts as being, for what a network lets in."""

PATIENCE = 3600.0
"""The service's own request timeout ends a request; this is only the door's."""

_NOT_HANDED_ON = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
        b"expect",
        b"x-fabricks-api-key",
    }
)
"""What belongs to one hop, what is said anew, and the caller's key to the daemon."""

_NO_BODY = frozenset({204, 304})


async def proxy(asked: Asked[Raw, AnyQuery]) -> Answer:
    """Hand a request on to a service and its answer back; 403 where no network of the service lets anybody in."""
    daemon = asked.daemon
    service = daemon.services.get(asked.path["id"])
    daemon.access.ingress(service.spec, asked.request.ip or LOCAL)
    target = _target(asked.request)
    if is_private(target):
        raise not_found()
    asked.allow(PATIENCE)
    message = encode_request(asked.request.method.encode(), target, _request_headers(asked.request), asked.body)
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def done(answer: bytes | Exception) -> None:
        if answered.done():
            return
        if isinstance(answer, Exception):
            answered.set_exception(answer)
        else:
            answered.set_result(answer)

    daemon.router.forward(service.id, message, done)
    answer = decode_answer(await answered)
    if answer.status == 0:
        raise TargetFailed("GUEST_BAD_ANSWER", "The guest answers with status 0.", hint="Answer with 200 to 599.")
    return Answer(Forwarded(answer.status, answer.headers, answer.body))


class Forwarded(HTTPResponse):
    """A guest's answer: its headers as they are, several of one name too."""

    __slots__ = ("_guests",)

    def __init__(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        # As in BodyResponse: all the fields that Sanic's initialiser would set.
        self.asgi = False
        self.body = b"" if status in _NO_BODY else body
        self.content_type = None
        self.stream = None
        self.status = status
        self.headers = {}  # type: ignore[assignment]  # what Sanic adds: length and connection
        self._cookies = None
        self._guests = [(name, value) for name, value in headers if name not in _NOT_HANDED_ON]

    @property
    def processed_headers(self) -> Iterator[tuple[bytes, bytes]]:
        """The guest's, then the connection's; what could end a line is taken out."""
        for name, value in self._guests:
            yield _plain(name), _plain(value)
        for key, text in self.headers.items():
            yield key.encode(), str(text).encode()


def _plain(text: bytes) -> bytes:
    return text.translate(None, b"\r\n\x00") if b"\n" in text or b"\r" in text or b"\x00" in text else text


def _target(request: Request) -> bytes:
    """What follows `/proxy`, as it was sent."""
    url = request.stream.url if isinstance(request.stream, Http) else None
    path, mark, query = (url or "/").partition("?")
    parts = path.split("/", 5)
    return f"/{parts[5] if len(parts) > 5 else ''}{mark}{query}".encode()


def _request_headers(request: Request) -> list[Header]:
    found = [
        (name.encode("latin-1", "replace"), str(value).encode("utf-8", "surrogateescape"))
        for name, value in request.headers.items()
    ]
    return [each for each in found if each[0] not in _NOT_HANDED_ON][:HEADERS_MOST]


_METHODS = "GET HEAD POST PUT PATCH DELETE OPTIONS"

ENDPOINTS = (
    Endpoint(method=_METHODS, path="/v1/services/{id}/proxy", handler=proxy, gives={200: None}),
    Endpoint(method=_METHODS, path="/v1/services/{id}/proxy/{rest*}", handler=proxy, gives={200: None}),
)
