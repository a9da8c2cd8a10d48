"""wasi:http/types for components: the request that came, the answer that goes, and their bodies."""

from collections.abc import Callable

from wasmtime.component import Variant

from runtime.wasm.guest.answering import Nonsense, Overflow
from runtime.wasm.guest.component_fields import Fields
from runtime.wasm.guest.component_io import OK, InputStream, OutputStream, Pollable
from runtime.wasm.guest.component_resources import Function, Resource
from runtime.wasm.messages import ANSWER_MOST, GuestAnswer, GuestRequest, encode_answer

FAILED = Variant("err")
"""A `result` that says nothing more."""
_METHODS = frozenset({"get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"})
_DROPPED = frozenset({b"content-length", b"transfer-encoding"})
"""The daemon frames answers itself."""
NO_TRAILERS = Variant("ok")


def method_of(verb: bytes) -> Variant:
    """A method as components have it."""
    name = verb.decode("latin-1")
    return Variant(name.lower()) if name.isupper() and name.lower() in _METHODS else Variant("other", name)


def verb_of(method: Variant) -> bytes:
    """And back."""
    return str(method.payload).encode() if method.tag == "other" else method.tag.upper().encode()


class FutureTrailers(Resource):
    """There are none."""

    kind = 11


class IncomingBody(Resource):
    """A body that has come; its stream can be taken once."""

    kind = 8

    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data

    def stream(self) -> InputStream | None:
        """Its bytes."""
        data, self._data = self._data, None
        return None if data is None else InputStream(data)


class Incoming(Resource):
    """What a request and a response that came have in common."""

    def __init__(self, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._headers = Fields(headers, mutable=False)
        self._body: bytes | None = body

    def headers(self) -> Fields:
        """Its headers; they cannot be changed."""
        return self._headers.frozen()

    def consume(self) -> IncomingBody | None:
        """Its body, once."""
        body, self._body = self._body, None
        return None if body is None else IncomingBody(body)


class IncomingRequest(Incoming):
    """The request to answer."""

    kind = 6

    def __init__(self, request: GuestRequest) -> None:
        super().__init__(request.headers, request.body)
        self._request = request

    def method(self) -> Variant:
        """`method`."""
        return method_of(self._request.method)

    def path(self) -> str:
        """Path and query."""
        return self._request.path.decode("utf-8", "replace")

    def authority(self) -> str | None:
        """Its Host header."""
        values = self._headers.get("host")
        return values[0].decode("latin-1") if values else None


class IncomingResponse(Incoming):
    """The answer to what the component asked."""

    kind = 15

    def __init__(self, answer: GuestAnswer) -> None:
        super().__init__(answer.headers, answer.body)
        self._status = answer.status

    def status(self) -> int:
        """Its status."""
        return self._status


class OutgoingBody(Resource):
    """A body that the component writes: kept, up to `ANSWER_MOST` bytes."""

    kind = 9

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._taken = self.finished = False

    def write(self) -> OutputStream | None:
        """Its stream, once."""
        if self._taken:
            return None
        self._taken = True
        return OutputStream(self._add)

    def finish(self, _trailers: Fields | None) -> None:
        """It is whole. Trailers are left out."""
        self.finished = True

    def data(self) -> bytes:
        """What was written."""
        return b"".join(self._pieces)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > ANSWER_MOST:
            raise Overflow
        self._pieces.append(piece)


class Outgoing(Resource):
    """What a response and a request that go have in common."""

    def __init__(self, headers: Fields) -> None:
        self._headers = headers
        self.written: OutgoingBody | None = None

    def headers(self) -> Fields:
        """Its headers; they are settled."""
        return self._headers.frozen()

    def body(self) -> OutgoingBody | None:
        """Its body, once."""
        if self.written is not None:
            return None
        self.written = OutgoingBody()
        return self.written

    @property
    def whole(self) -> bool:
        """Was its body finished, if it was begun?"""
        return self.written is None or self.written.finished

    @property
    def data(self) -> bytes:
        """Its body's bytes."""
        return b"" if self.written is None else self.written.data()


class OutgoingResponse(Outgoing):
    """The answer."""

    kind = 10

    def __init__(self, headers: Fields) -> None:
        super().__init__(headers)
        self._status = 200

    def status(self) -> int:
        """Its status."""
        return self._status

    def set_status(self, status: int) -> Variant:
        """Choose it. Informational ones cannot be sent."""
        if not 200 <= status <= 599:
            return FAILED
        self._status = status
        return OK

    def encoded(self) -> bytes:
        """The answer as a message. Raises Nonsense if its body was not finished."""
        if not self.whole:
            raise Nonsense("the component did not finish its body")
        kept = [item for item in self._headers.items if item[0] not in _DROPPED]
        return encode_answer(self._status, kept, self.data)


class ResponseOutparam(Resource):
    """Where the component puts its answer."""

    kind = 7

    def __init__(self) -> None:
        self._said: OutgoingResponse | Variant | None = None

    def set(self, said: OutgoingResponse | Variant) -> None:
        """An answer, or an `error-code`."""
        self._said = said

    def encoded(self) -> bytes:
        """The answer as a message. Raises Nonsense if there is none."""
        if self._said is None:
            raise Nonsense("the component set no response")
        if isinstance(self._said, Variant):
            return encode_answer(500, [(b"content-type", b"text/plain")], f"{self._said.tag}\n".encode())
        return self._said.encoded()


def _trailers(_: FutureTrailers) -> Variant:
    return NO_TRAILERS


def _constant(value: object) -> Callable[[Resource], object]:
    return lambda _: value


RESOURCES: dict[str, type[Resource]] = {
    "fields": Fields,
    "incoming-request": IncomingRequest,
    "response-outparam": ResponseOutparam,
    "incoming-body": IncomingBody,
    "outgoing-body": OutgoingBody,
    "outgoing-response": OutgoingResponse,
    "future-trailers": FutureTrailers,
    "incoming-response": IncomingResponse,
}

FUNCTIONS: dict[str, Function] = {
    "http-error-code": _constant(None),
    "[method]incoming-request.method": IncomingRequest.method,
    "[method]incoming-request.path-with-query": IncomingRequest.path,
    "[method]incoming-request.scheme": _constant(Variant("HTTP")),
    "[method]incoming-request.authority": IncomingRequest.authority,
    "[method]incoming-request.headers": IncomingRequest.headers,
    "[method]incoming-request.consume": IncomingRequest.consume,
    "[static]response-outparam.set": ResponseOutparam.set,
    "[method]incoming-body.stream": IncomingBody.stream,
    "[static]incoming-body.finish": lambda _body: FutureTrailers(),
    "[method]future-trailers.subscribe": lambda _trailers: Pollable(),
    "[method]future-trailers.get": _trailers,
    "[method]incoming-response.status": IncomingResponse.status,
    "[method]incoming-response.headers": IncomingResponse.headers,
    "[method]incoming-response.consume": IncomingResponse.consume,
    "[constructor]outgoing-response": OutgoingResponse,
    "[method]outgoing-response.status-code": OutgoingResponse.status,
    "[method]outgoing-response.set-status-code": OutgoingResponse.set_status,
    "[method]outgoing-response.headers": OutgoingResponse.headers,
    "[method]outgoing-response.body": OutgoingResponse.body,
    "[method]outgoing-body.write": OutgoingBody.write,
    "[static]outgoing-body.finish": OutgoingBody.finish,
}
