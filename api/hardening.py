"""Hardening: what Sanic leaves open is shut here: deadlines, strict heads, no chunked bodies, a connection cap."""

import re
from asyncio import BaseTransport
from time import monotonic
from typing import Any

import msgspec
from sanic import Request, Sanic
from sanic.application.state import ApplicationServerInfo
from sanic.config import Config
from sanic.exceptions import BadRequest, RequestTimeout, SanicException, ServiceUnavailable
from sanic.http import Http, Stage
from sanic.http.constants import HTTP
from sanic.server import HttpProtocol

BODY_LIMIT = 64 * 1024
"""Bytes of a request body, where a route says nothing else (the seed's cap of ingest)."""

FAREWELL_SECONDS = 1.0
"""How long the answer to a request past its deadline may take to leave."""

HEAD_LIMIT = 8 * 1024
HEADER_LIMIT = 64
"""How many header lines a request may have."""

AnySanic = Sanic[Any, Any]

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH = re.compile(rb"[ \t]*[0-9]{1,10}[ \t]*\Z")
_TARGET = re.compile(r"/[!-~]*\Z")
_REQUEST_LINE = re.compile(rb"[A-Z]{1,16} [!-~]+ HTTP/1\.[01]\Z")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and counts that bound one connection; tests shorten them."""

    header_seconds: float = 10.0
    request_seconds: float = 30.0
    idle_seconds: float = 15.0
    heartbeat_seconds: float = 15.0
    connections: int = 2000
    streams: int = 200
    body_bytes: int = BODY_LIMIT


class ChunkedRefused(SanicException):
    """A body of unstated length: Sanic's reader of chunks is lenient, so no chunk is ever read."""

    status_code = 411
    quiet = True


class HardHttp(Http):
    """Refuses chunked bodies before the first chunk is looked at, and closes the connection."""

    __touchup__ = ()  # type: ignore[assignment]  # Sanic names methods here that it rewrites; ours stay
    __slots__ = ()

    async def http1_request_header(self) -> None:
        """Read the head as Sanic does; then refuse a chunked body."""
        await super().http1_request_header()  # type: ignore[no-untyped-call]  # Sanic leaves it untyped
        if self.request_body == "chunked":  # type: ignore[comparison-overlap]  # Sanic says bytes, and means this too
            self.request_body = None
            raise ChunkedRefused("A body needs Content-Length.")

    def create_empty_request(self) -> None:
        """What an answer to a malformed head is tied to; a target that is no URL is forgotten first."""
        if self.url is not None and not _TARGET.match(self.url):
            self.url = None
        super().create_empty_request()


class HardProtocol(HttpProtocol):
    """Sanic's timeouts as deadlines: bytes that trickle in do not push them back."""

    HTTP_CLASS = HardHttp
    __touchup__ = ()  # type: ignore[assignment]  # Sanic names methods here that it rewrites; ours stay
    __slots__ = ()

    def connection_made(self, transport: BaseTransport) -> None:
        """Take the connection, or close it at once where there are too many."""
        if len(self.connections) >= self.app.ctx.limits.connections:
            transport.abort()  # type: ignore[attr-defined]  # asyncio's stub hands protocols the base class
            return
        super().connection_made(transport)  # type: ignore[no-untyped-call]  # as above

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; one that was never taken has left nothing behind."""
        if self.conn_info is not None:
            super().connection_lost(exc)  # type: ignore[no-untyped-call]  # as above

    def data_received(self, data: bytes) -> None:
        """Take bytes; only the first of a request start its clock."""
        http = self.http
        began = self._time if http is not None and http.stage is not Stage.IDLE else None
        super().data_received(data)
        if began is not None:
            self._time = began

    def check_timeouts(self) -> None:
        """End what is past its deadline; else look again within a tenth of the shortest one."""
        http = self.http
        if self._task is None or http is None:
            return
        left = self._time + self._allowed(http.stage) - monotonic()
        if left > 0:
            pause = min(left, self.request_timeout / 10)
            self._callback_check_timeouts = self.loop.call_later(pause, self.check_timeouts)
            return
        if http.stage is Stage.REQUEST:
            http.exception = RequestTimeout("The request did not arrive in time.")
        elif http.stage is not Stage.IDLE:
            http.exception = ServiceUnavailable("The request was not answered in time.")
        self._task.cancel("deadline")
        # Who does not read cannot be told either: without this the farewell would wait for him for ever.
        self._callback_check_timeouts = self.loop.call_later(FAREWELL_SECONDS, self.abort)

    def _allowed(self, stage: Stage) -> float:
        if stage is Stage.IDLE:
            return float(self.keep_alive_timeout)
        return float(self.request_timeout if stage is Stage.REQUEST else self.response_timeout)


def let_last(request: Request, seconds: float) -> None:
    """Move the deadline of this connection's answers, from this one on."""
    if isinstance(request.protocol, HardProtocol):
        request.protocol.response_timeout = seconds


async def strict_head(head: bytes, **_: object) -> None:
    """Refuse the heads that two parsers could read differently. Raises BadRequest."""
    first, *lines = head.split(b"\r\n")
    if len(lines) > HEADER_LIMIT or not _REQUEST_LINE.match(first):
        raise BadRequest("head")
    hosts = 0
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.match(name) or _CONTROL.search(value):
            raise BadRequest("header")
        name = name.lower()
        hosts += name == b"host"
        if name == b"content-length" and not _LENGTH.match(value):
            raise BadRequest("length")
        if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise BadRequest("encoding")
    if hosts != 1:
        raise BadRequest("host")


def hard_config(limits: Limits) -> Config:
    """Sanic's configuration with our limits; nothing is read from SANIC_* variables."""
    return Config(
        {
            "ACCESS_LOG": False,
            "AUTO_EXTEND": False,
            "FALLBACK_ERROR_FORMAT": "json",
            "GRACEFUL_TCP_CLOSE_TIMEOUT": 2.0,
            "KEEP_ALIVE_TIMEOUT": limits.idle_seconds,
            "MOTD": False,
            "REQUEST_MAX_HEADER_SIZE": HEAD_LIMIT,
            "REQUEST_MAX_SIZE": limits.body_bytes,
            "REQUEST_TIMEOUT": limits.header_seconds,
            "RESPONSE_TIMEOUT": limits.request_seconds,
            # Sanic rewrites its classes at the first start of a process, and cannot do so twice.
            "TOUCHUP": not getattr(Http, "__touched__", False),
        },
        env_prefix=None,  # None switches the look at the environment off
    )


def check_config(app: AnySanic) -> None:
    """Refuse to serve with anything on that belongs to a workbench. Raises AssertionError."""
    config = app.config
    for name in ("INSPECTOR", "AUTO_RELOAD", "NOISY_EXCEPTIONS", "ACCESS_LOG"):
        if config.get(name):
            raise AssertionError(f"{name} is on")
    if app.debug or config.PROXIES_COUNT or config.REAL_IP_HEADER or config.FORWARDED_SECRET:
        raise AssertionError("debug or a forwarding setting is on")


def harden(app: AnySanic, limits: Limits) -> None:
    """Put the strict head check and the limits on an application."""
    app.ctx.limits = limits
    # Told that there is one server speaking HTTP/1.1, Sanic leaves an empty Alt-Svc header out of every answer.
    app.state.server_info.append(ApplicationServerInfo(settings={"version": HTTP.VERSION_1}))
    app.add_signal(strict_head, "http.lifecycle.read_head")
