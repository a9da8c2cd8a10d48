"""Problems: every failure as application/problem+json (RFC 9457), in one shape."""

import secrets
from asyncio import CancelledError
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

import msgspec
import structlog
from sanic import Request
from sanic.exceptions import MethodNotAllowed, NotFound, PayloadTooLarge, RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse

from api.hardening import HEAD_LIMIT
from api.responses import BodyResponse
from catalog.diagnostics import Diagnostic
from catalog.errors import ConnectionInvalid, FabricError, TargetFailed, TooMany
from catalog.jsonvalue import Json

_log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"


class Finding(msgspec.Struct, kw_only=True):
    """A Diagnostic as it is sent: line and column are 1-based and null where there is no text."""

    code: str
    severity: str
    message: str
    pointer: str
    line: int | None = None
    column: int | None = None
    width: int | None = None
    hint: str | None = None


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An error's body. A code's own details stand beside these fields."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    request_id: str
    hint: str | None = None
    diagnostics: list[Finding] | None = None


class LengthRequired(FabricError):
    """A body whose length is not stated beforehand."""

    status = 411


def finding(diagnostic: Diagnostic) -> Finding:
    """The Diagnostic as REST shows it."""
    span = diagnostic.span
    return Finding(
        code=diagnostic.code,
        severity=diagnostic.severity.value,
        message=diagnostic.message,
        pointer=diagnostic.pointer,
        line=span.line if span else None,
        column=span.column if span else None,
        width=span.width if span else None,
        hint=diagnostic.hint,
    )


def problem_body(error: FabricError, instance: str, request_id: str) -> bytes:
    """The body of a deliberate failure; what the outside answered stands in it as `output`."""
    problem = Problem(
        type=f"urn:fabric:error:{error.code}",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.message,
        code=error.code,
        instance=instance,
        request_id=request_id,
        hint=error.hint,
        diagnostics=[finding(each) for each in error.diagnostics] if isinstance(error, ConnectionInvalid) else None,
    )
    known: Json = msgspec.to_builtins(problem)
    answered = {"output": error.output} if isinstance(error, TargetFailed) and error.output is not None else {}
    return msgspec.json.encode({**msgspec.to_builtins(error.details), **answered, **known})


def problem_response(request: Request, error: FabricError) -> BodyResponse:
    """The answer to a deliberate failure: its status, its body, and the headers that its status asks for."""
    headers = {"cache-control": "no-store"}
    if isinstance(error, TooMany):
        headers["retry-after"] = str(max(1, ceil(error.retry_after)))
    elif error.status == 503:
        headers["retry-after"] = "1"
    elif error.status == 401:
        headers["www-authenticate"] = 'Bearer realm="fabric"'
    body = problem_body(error, _path(request), secrets.token_hex(8))
    return BodyResponse(body, error.status, headers, CONTENT_TYPE)


def bug_response(request: Request, bug: BaseException) -> BodyResponse:
    """A bare 500: the correlation id, which the log carries too, and nothing of the bug."""
    request_id = secrets.token_hex(8)
    _log.error("request_crashed", request_id=request_id, method=request.method, route=_route(request), exc_info=bug)
    error = FabricError("INTERNAL_ERROR", "The server fails unexpectedly.", hint="Report it with the `request_id`.")
    return BodyResponse(problem_body(error, _path(request), request_id), 500, None, CONTENT_TYPE)


class ProblemHandler(ErrorHandler):
    """What Sanic itself refuses, in the same shape."""

    def response(self, request: Request, exception: BaseException) -> HTTPResponse:
        """The answer to an exception that no handler of ours has turned into one."""
        if isinstance(exception, FabricError):
            return problem_response(request, exception)
        if isinstance(exception, RequestCancelled | CancelledError):
            return HTTPResponse(status=503)  # nobody is there to read it
        if not isinstance(exception, SanicException) or exception.status_code == 500:
            return bug_response(request, exception)
        answer = problem_response(request, _translated(exception))
        if isinstance(exception, MethodNotAllowed):
            answer.headers["allow"] = request.app.ctx.allowed(request.path)
        return answer


class _Refused(FabricError):
    """A refusal of the HTTP layer, with the status it chose."""

    def __init__(self, status: int, code: str, message: str, hint: str | None) -> None:
        super().__init__(code, message, hint=hint)
        self.status = status  # type: ignore[misc]  # the one error whose status is not its class's


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


def _translated(exception: SanicException) -> FabricError:
    status = exception.status_code or 500
    if isinstance(exception, NotFound):
        status = 404
    code, message, hint = _KNOWN.get(status, (f"HTTP_{status}", "The request cannot be served.", None))
    if isinstance(exception, PayloadTooLarge) and "header" in str(exception):
        code, message = "HEAD_TOO_LARGE", f"The request's head is over {HEAD_LIMIT} bytes."
    return _Refused(status, code, message, hint)


def _path(request: Request) -> str:
    try:
        return request.path
    except SanicException:  # a target that is no URL at all
        return "/"


def _route(request: Request) -> str:
    return request.route.path if request.route is not None else "/"
