"""Refusals: what the HTTP layer itself turns away, as a FabricError that either door answers in its own shape."""

import secrets
from asyncio import CancelledError
from collections.abc import Mapping
from math import ceil

import structlog
from sanic import Request
from sanic.exceptions import MethodNotAllowed, NotFound, PayloadTooLarge, RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse

from api.hardening import HEAD_LIMIT
from api.responses import BodyResponse
from catalog.errors import FabricError, TooMany

_log = structlog.get_logger()


class LengthRequired(FabricError):
    """A body whose length is not stated beforehand."""

    status = 411


class Refused(FabricError):
    """A refusal of the HTTP layer, with the status it chose."""

    def __init__(self, status: int, code: str, message: str, hint: str | None) -> None:
        super().__init__(code, message, hint=hint)
        self.status = status  # type: ignore[misc]  # the one error whose status is not its class's


class RefusalHandler(ErrorHandler):
    """Turns whatever reaches Sanic's last resort into an answer of a door's: `refuse` a deliberate one, `crash` a bug.

    The application's context has `allowed`, which names the methods of a path.
    """

    def refuse(self, request: Request, error: FabricError) -> BodyResponse:
        """The answer to a deliberate failure."""
        raise NotImplementedError

    def crash(self, request: Request, bug: BaseException) -> BodyResponse:
        """The answer to a bug: nothing of it shows."""
        raise NotImplementedError

    def response(self, request: Request, exception: BaseException) -> HTTPResponse:
        """The answer to an exception that no handler of ours has turned into one."""
        if isinstance(exception, FabricError):
            return self.refuse(request, exception)
        if isinstance(exception, RequestCancelled | CancelledError):
            return HTTPResponse(status=503)  # nobody is there to read it
        if not isinstance(exception, SanicException) or exception.status_code == 500:
            return self.crash(request, exception)
        answer = self.refuse(request, translated(exception))
        if isinstance(exception, MethodNotAllowed):
            answer.headers["allow"] = request.app.ctx.allowed(request.path)
        return answer


_KNOWN: Mapping[int, tuple[str, str, str | None]] = {
    400: ("REQUEST_MALFORMED", "The request is not well-formed HTTP/1.1.", "Send one Host and plain ASCII headers."),
    404: ("ROUTE_UNKNOWN", "There is no such path.", "See `/api/v1/openapi.json`."),
    405: ("METHOD_NOT_ALLOWED", "This path does not take that method.", "See the `Allow` header."),
    408: ("REQUEST_TIMEOUT", "The request did not arrive in time.", "Send it again, faster."),
    411: ("LENGTH_REQUIRED", "A body needs `Content-Length`; chunks are not read.", "State the length."),
    413: ("BODY_TOO_LARGE", "The request is larger than this path takes.", "Send less."),
    417: ("EXPECTATION_FAILED", "Only `Expect: 100-continue` is understood.", "Leave `Expect` out."),
    503: ("RESPONSE_TIMEOUT", "The request was not answered in time; what it asked for may still happen.", "Look."),
}


def translated(exception: SanicException) -> FabricError:
    """What Sanic refuses, as an error of ours with the same status."""
    status = exception.status_code or 500
    if isinstance(exception, NotFound):
        status = 404
    code, message, hint = _KNOWN.get(status, (f"HTTP_{status}", "The request cannot be served.", None))
    if isinstance(exception, PayloadTooLarge) and "header" in str(exception):
        code, message = "HEAD_TOO_LARGE", f"The request's head is over {HEAD_LIMIT} bytes."
    return Refused(status, code, message, hint)


def status_headers(error: FabricError) -> dict[str, str]:
    """The headers that an error's status asks for at either door."""
    headers = {"cache-control": "no-store"}
    if isinstance(error, TooMany):
        headers["retry-after"] = str(max(1, ceil(error.retry_after)))
    elif error.status == 503:
        headers["retry-after"] = "1"
    return headers


def note_crash(request: Request, bug: BaseException) -> str:
    """Log a bug; the id under which the log has it."""
    request_id = secrets.token_hex(8)
    route = request.route.path if request.route is not None else "/"
    _log.error("request_crashed", request_id=request_id, method=request.method, route=route, exc_info=bug)
    return request_id


def asked_path(request: Request) -> str:
    """The path that was asked for; `/` where the target is no URL at all."""
    try:
        return request.path
    except SanicException:
        return "/"
