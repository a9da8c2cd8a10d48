"""Problems: every failure as application/problem+json (RFC 9457), in one shape."""

import secrets
from http import HTTPStatus

import msgspec
from sanic import Request

from api.refusals import RefusalHandler, asked_path, note_crash, status_headers
from api.responses import BodyResponse
from catalog.diagnostics import Diagnostic
from catalog.errors import ConnectionInvalid, FabricError, TargetFailed
from catalog.jsonvalue import Json

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
    headers = status_headers(error)
    if error.status == 401:
        headers["www-authenticate"] = 'Bearer realm="fabric"'
    body = problem_body(error, asked_path(request), secrets.token_hex(8))
    return BodyResponse(body, error.status, headers, CONTENT_TYPE)


def bug_response(request: Request, bug: BaseException) -> BodyResponse:
    """A bare 500: the correlation id, which the log carries too, and nothing of the bug."""
    request_id = note_crash(request, bug)
    error = FabricError("INTERNAL_ERROR", "The server fails unexpectedly.", hint="Report it with the `request_id`.")
    return BodyResponse(problem_body(error, asked_path(request), request_id), 500, None, CONTENT_TYPE)


class ProblemHandler(RefusalHandler):
    """What Sanic itself refuses, in the same shape."""

    def refuse(self, request: Request, error: FabricError) -> BodyResponse:
        """See RefusalHandler."""
        return problem_response(request, error)

    def crash(self, request: Request, bug: BaseException) -> BodyResponse:
        """See RefusalHandler."""
        return bug_response(request, bug)
