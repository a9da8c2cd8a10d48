"""The envelope: every answer of the services API is {status: "success", data} or {status: "error", error}."""

from typing import Literal

import msgspec
from sanic import Request

from api.refusals import RefusalHandler, note_crash, status_headers
from api.responses import BodyResponse
from catalog.errors import FabricError, TargetFailed
from catalog.jsonvalue import Json

_encode = msgspec.json.Encoder().encode

_MALFORMED = frozenset({400, 404, 405, 411, 417})
"""What the HTTP layer refuses with these is a malformed request to this API."""


class Success(msgspec.Struct, kw_only=True):
    """The body of an answer below 400."""

    status: Literal["success"] = "success"
    data: Json


class Trouble(msgspec.Struct, kw_only=True):
    """What went wrong: a stable code, one sentence, and facts; `details.hint` says what to do."""

    code: str
    message: str
    details: dict[str, Json]


class Failure(msgspec.Struct, kw_only=True):
    """The body of an answer of 400 and above."""

    status: Literal["error"] = "error"
    error: Trouble


def success(data: object, status: int = 200, headers: dict[str, str] | None = None) -> BodyResponse:
    """An answer with data."""
    return BodyResponse(_encode({"status": "success", "data": data}), status, headers)


def failure(error: FabricError) -> BodyResponse:
    """The answer to a deliberate failure; the strict JSON reader's codes are INVALID_REQUEST here."""
    code, details = error.code, dict(error.details)
    if code.startswith("JSON_"):
        code, details["reason"] = "INVALID_REQUEST", code
    if error.hint:
        details["hint"] = error.hint
    if isinstance(error, TargetFailed) and error.output is not None:
        details["output"] = error.output
    body = Failure(error=Trouble(code=code, message=error.message, details=details))
    return BodyResponse(msgspec.json.encode(body, enc_hook=str), error.status, status_headers(error))


def crash(request: Request, bug: BaseException) -> BodyResponse:
    """The answer to a bug: an id that the log has too, and nothing of the bug."""
    details = {"request_id": note_crash(request, bug), "hint": "Report it with the `request_id`."}
    body = Failure(error=Trouble(code="INTERNAL_ERROR", message="The daemon fails unexpectedly.", details=details))
    return BodyResponse(_encode(body), 500)


class EnvelopeHandler(RefusalHandler):
    """What Sanic itself refuses, in the envelope. The application's context has the door."""

    def refuse(self, request: Request, error: FabricError) -> BodyResponse:
        """See RefusalHandler. A caller whom nobody knows does not even learn which paths there are."""
        try:
            request.app.ctx.door.admit(request)
        except FabricError as stranger:
            return failure(stranger)
        request.app.ctx.door.requests.note(request.method, "unknown", None, error.status)
        answer = failure(_malformed(error) if error.status in _MALFORMED else error)
        answer.status = error.status
        return answer

    def crash(self, request: Request, bug: BaseException) -> BodyResponse:
        """See RefusalHandler."""
        return crash(request, bug)


def _malformed(error: FabricError) -> FabricError:
    hint = "See `GET /v1/openapi.json` for what there is." if error.status == 404 else error.hint
    return FabricError("INVALID_REQUEST", error.message, hint=hint, details={"reason": error.code})
