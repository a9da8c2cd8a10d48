"""RequestReader: one client's bytes into requests as guests read them, by llhttp and the rules of the API's door.

Everything is bounded while it comes in. What two readers could take differently is refused.
"""

import re
from collections.abc import Callable
from enum import IntEnum
from struct import Struct

import httptools

from catalog.errors import FabricError, Invalid, TooLarge
from runtime.daemon.traffic.http_limits import HttpLimits
from runtime.wasm.messages import VERSION, Header

_U16, _U32 = Struct("<H"), Struct("<I")
_TARGET = re.compile(rb"/[!-~]*\Z")
_LOOKED_AT = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"trailer", b"transfer-encoding",
    b"upgrade", b"expect", b"host", b"content-length", b"x-forwarded-for", b"x-forwarded-proto", b"forwarded",
})  # fmt: skip
"""Headers between client and daemon, and those that only the daemon may say."""
_OURS = b"x-fabric-"


class Reading(IntEnum):
    """How far the request is that is being read."""

    NONE = 0
    HEAD = 1
    BODY = 2


class Pending:
    """A request that was read and is not answered."""

    __slots__ = ("head_only", "keep", "request", "target")

    def __init__(self, request: bytes, target: bytes, *, keep: bool, head_only: bool) -> None:
        self.request = request
        self.target = target
        self.keep = keep
        self.head_only = head_only


class _Stop(Exception):
    """Ends the parsing of what was fed; what is wrong is noted before."""


class RequestReader:
    """One connection's. `taken` gets every whole request, `expected` is called where a client waits to be let on."""

    __slots__ = (
        "_body", "_body_size", "_continue", "_expected", "_forwarded", "_head_size", "_headers", "_hops", "_hosts",
        "_keep", "_last_headers", "_length", "_limits", "_parser", "_section", "_taken", "_url", "_wrong", "reading",
    )  # fmt: skip

    def __init__(
        self,
        limits: HttpLimits,
        forwarded: list[Header],
        taken: Callable[[Pending], None],
        expected: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._forwarded = forwarded
        self._taken = taken
        self._expected = expected
        self._parser = httptools.HttpRequestParser(self)
        self._wrong: FabricError | None = None
        self._last_headers: list[Header] | None = None
        self._section = b""
        self._head_size = 0
        self._keep = True
        self.reading = Reading.NONE
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: list[Header] = []
        self._hops: list[bytes] | None = None
        self._body: list[bytes] = []
        self._body_size = 0
        self._hosts = 0
        self._length: bytes | None = None
        self._continue = False

    def feed(self, data: bytes) -> bool:
        """Take bytes; False where what follows the last request is in another protocol, and no more can be read.

        Raises Invalid, TooLarge INVALID_REQUEST (400, 408, 413, 417, 431): then too nothing more can be read.
        """
        if self.reading is Reading.NONE:
            self.reading, self._head_size = Reading.HEAD, 0
        elif self.reading is Reading.HEAD:
            # The parser keeps a line until it is whole: this bounds it. What the head comes to is counted at its end.
            self._head_size += len(data)
            if self._head_size > self._limits.head:
                raise _head_too_large()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return False
        except httptools.HttpParserError:
            raise self._wrong or malformed("it is not HTTP/1.1") from None
        return True

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        if self.reading is Reading.NONE:
            self.reading, self._head_size = Reading.HEAD, 0
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line."""
        name = name.lower()
        if name in _LOOKED_AT:
            self._look_at(name, value)
        elif not name.startswith(_OURS):
            self._headers.append((name, value))
        if len(self._headers) > self._limits.headers:
            raise self._stop(_head_too_large())

    def on_headers_complete(self) -> None:
        """The head is whole."""
        headers, parser = self._headers, self._parser
        size = len(self._url)
        for name, value in headers:
            size += len(name) + len(value) + 4
        if size > self._limits.head:
            raise self._stop(_head_too_large())
        version = parser.get_http_version()
        if self._hosts != 1 or not _TARGET.match(self._url) or version not in ("1.1", "1.0"):
            raise self._stop(malformed("it needs one Host, a target that begins with `/`, and HTTP/1.0 or 1.1"))
        if self._length is not None and int(self._length) > self._limits.body:
            raise self._stop(_body_too_large(self._limits.body))
        # An answer to HTTP/1.0 that leaves the connection open would have to say so; nobody needs it.
        self._keep = version == "1.1" and parser.should_keep_alive()
        if self._hops:
            self._headers = [each for each in headers if each[0] not in self._hops]
        if self._continue and version == "1.1":
            self._expected()
        self.reading = Reading.BODY

    def on_body(self, piece: bytes) -> None:
        """A piece of the body."""
        self._body_size += len(piece)
        if self._body_size > self._limits.body:
            raise self._stop(_body_too_large(self._limits.body))
        self._body.append(piece)

    def on_message_complete(self) -> None:
        """The request is whole."""
        method = self._parser.get_method()
        pending = Pending(self._encoded(method), self._url, keep=self._keep, head_only=method == b"HEAD")
        self._begin()
        self.reading = Reading.NONE
        self._taken(pending)

    # Inside.

    def _look_at(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts += 1
            self._headers.append((name, value))
        elif name == b"content-length":
            if not (value.isdigit() and len(value) <= 10):
                raise self._stop(malformed("its Content-Length is no number"))
            self._length = value
            self._headers.append((name, value))
        elif name == b"connection":
            self._hops = [*(self._hops or ()), *(each.strip().lower() for each in value.split(b","))]
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise self._stop(malformed("its Transfer-Encoding is not chunked"))
        elif name == b"expect":
            if value.strip().lower() != b"100-continue":
                raise self._stop(_Unexpected("INVALID_REQUEST", "Only 100-continue may be expected."))
            self._continue = True

    def _stop(self, error: FabricError) -> _Stop:
        self._wrong = error
        return _Stop()

    def _encoded(self, method: bytes) -> bytes:
        """The request as guests read it. Clients repeat their headers: the same as last time are not written anew."""
        headers = self._headers
        body = b"".join(self._body) if self._body else b""
        if body and self._length is None:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        if headers != self._last_headers:
            parts = [_U16.pack(len(headers) + len(self._forwarded))]
            for name, value in (*headers, *self._forwarded):
                parts += (_U16.pack(len(name)), name, _U32.pack(len(value)), value)
            self._section, self._last_headers = b"".join(parts), headers
        url = self._url
        start = bytes((VERSION, len(method))) + method
        return b"".join((start, _U32.pack(len(url)), url, self._section, _U32.pack(len(body)), body))


class _HeadTooLarge(TooLarge):
    status = 431


class _Overdue(Invalid):
    status = 408


class _Unexpected(Invalid):
    status = 417


def malformed(why: str) -> Invalid:
    """The request cannot be read."""
    return Invalid("INVALID_REQUEST", f"The request cannot be read: {why}.")


def overdue(reading: Reading, seconds: float) -> Invalid:
    """The client took too long to send a part of it."""
    part = "head" if reading is Reading.HEAD else "body"
    return _Overdue("INVALID_REQUEST", f"The request's {part} did not arrive within {seconds:g} seconds.")


def _head_too_large() -> TooLarge:
    return _HeadTooLarge("INVALID_REQUEST", "The request's head is too large.", hint="Send fewer or shorter headers.")


def _body_too_large(limit: int) -> TooLarge:
    return TooLarge("INVALID_REQUEST", f"The request's body is over {limit} bytes.", hint="Send less at once.")
