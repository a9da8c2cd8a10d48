"""wasi:http/outgoing-handler for components: every request goes the way of `fabric.http_request`, or is refused."""

from collections.abc import Callable

from wasmtime.component import Variant

from runtime.wasm.guest.component_fields import Fields
from runtime.wasm.guest.component_http import FAILED, IncomingResponse, Outgoing, method_of, verb_of
from runtime.wasm.guest.component_io import OK, Pollable
from runtime.wasm.guest.component_resources import Function, Interface, Resource
from runtime.wasm.messages import decode_answer, encode_request

Http = Callable[[bytes], bytes]

_DENIED = Variant("HTTP-request-denied")
_TOO_LATE = Variant("connection-timeout")
_GONE = Variant("connection-terminated")
_SCHEMES = {"HTTP": "http", "HTTPS": "https"}


class OutgoingRequest(Outgoing):
    """A request as the component composes it."""

    kind = 12

    def __init__(self, headers: Fields) -> None:
        super().__init__(headers)
        self.method = method_of(b"GET")
        self.path: str | None = None
        self.scheme: Variant | None = None
        self.authority: str | None = None

    def encoded(self) -> bytes | None:
        """As a message whose path is a URL; None if it has no authority or a scheme that is not HTTP's."""
        scheme = _SCHEMES.get((self.scheme or Variant("HTTPS")).tag)
        if scheme is None or not self.authority:
            return None
        url = f"{scheme}://{self.authority}{self.path or '/'}"
        headers = [item for item in self._headers.items if item[0] != b"host"]
        return encode_request(verb_of(self.method), url.encode(), headers, self.data)


class RequestOptions(Resource):
    """Timeouts. They are taken and not used: the daemon has its own."""

    kind = 13

    def __init__(self) -> None:
        self.spans: dict[str, int | None] = {}


class FutureIncomingResponse(Pollable):
    """An answer to come. The request goes when its body is finished, or when the component waits for nothing else."""

    kind = 14

    def __init__(self, request: OutgoingRequest, http: Http) -> None:
        self._request, self._http = request, http
        self._outcome: IncomingResponse | Variant | None = None
        self._taken = False

    def ready(self) -> bool:
        """See Pollable."""
        if self._outcome is None and self._request.whole:
            self.settle()
        return self._outcome is not None

    def until(self) -> float | None:
        """See Pollable."""
        return None

    def settle(self) -> None:
        """See Pollable."""
        if self._outcome is None:
            self._outcome = self._asked()

    def take(self) -> Variant:
        """The answer, once."""
        if not self.ready():
            return Variant("none")
        if self._taken:
            return Variant("some", None)
        self._taken = True
        return Variant("some", self._outcome)

    def _asked(self) -> IncomingResponse | Variant:
        message = self._request.encoded()
        if message is None:
            return Variant("HTTP-request-URI-invalid")
        try:
            answer = decode_answer(self._http(message))
        except InterruptedError:
            return _TOO_LATE
        except OSError:
            return _GONE
        if answer.status == 0:
            why = answer.body.decode("utf-8", "replace")
            return _DENIED if why.startswith("FORBIDDEN") else Variant("internal-error", why)
        return IncomingResponse(answer)


def _subscribed(future: FutureIncomingResponse) -> Pollable:
    return _Arrival(future)


class _Arrival(Pollable):
    """Ready with its future."""

    def __init__(self, future: FutureIncomingResponse) -> None:
        self.ready = future.ready  # type: ignore[method-assign]  # one answer, two resources
        self.settle = future.settle  # type: ignore[method-assign]

    def until(self) -> float | None:
        """See Pollable."""
        return None


def handler(http: Http | None) -> Interface:
    """The interface; without `http` it refuses every request."""

    def handle(request: OutgoingRequest, _options: RequestOptions | None) -> FutureIncomingResponse | Variant:
        return _DENIED if http is None else FutureIncomingResponse(request, http)

    return Interface("wasi:http/outgoing-handler", {"handle": handle})


def _setter(attribute: str) -> Callable[[OutgoingRequest, object], Variant]:
    def put(request: OutgoingRequest, value: object) -> Variant:
        if isinstance(value, str) and any(character <= " " for character in value):
            return FAILED
        setattr(request, attribute, value)
        return OK

    return put


def _getter(attribute: str) -> Callable[[OutgoingRequest], object]:
    return lambda request: getattr(request, attribute)


def _span_setter(name: str) -> Callable[[RequestOptions, int | None], Variant]:
    def put(options: RequestOptions, span: int | None) -> Variant:
        options.spans[name] = span
        return OK

    return put


def _span_getter(name: str) -> Callable[[RequestOptions], int | None]:
    return lambda options: options.spans.get(name)


_PARTS = {"method": "method", "path-with-query": "path", "scheme": "scheme", "authority": "authority"}
_SPANS = ("connect-timeout", "first-byte-timeout", "between-bytes-timeout")

RESOURCES: dict[str, type[Resource]] = {
    "outgoing-request": OutgoingRequest,
    "request-options": RequestOptions,
    "future-incoming-response": FutureIncomingResponse,
}
FUNCTIONS: dict[str, Function] = {
    "[constructor]outgoing-request": OutgoingRequest,
    "[method]outgoing-request.headers": OutgoingRequest.headers,
    "[method]outgoing-request.body": OutgoingRequest.body,
    **{f"[method]outgoing-request.{name}": _getter(part) for name, part in _PARTS.items()},
    **{f"[method]outgoing-request.set-{name}": _setter(part) for name, part in _PARTS.items()},
    "[constructor]request-options": RequestOptions,
    **{f"[method]request-options.{name}": _span_getter(name) for name in _SPANS},
    **{f"[method]request-options.set-{name}": _span_setter(name) for name in _SPANS},
    "[method]future-incoming-response.subscribe": _subscribed,
    "[method]future-incoming-response.get": FutureIncomingResponse.take,
}
