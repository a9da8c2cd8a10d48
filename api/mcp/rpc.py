"""JSON-RPC 2.0 as MCP uses it: one message a body, read strictly; answers, and errors with their numbers."""

import msgspec

from catalog.errors import FabricError, Invalid, TargetFailed, TooMany
from catalog.jsonvalue import Json, parse_strict

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022

_STATUS = {METHOD_NOT_FOUND: 404, INTERNAL_ERROR: 500}


RequestId = str | int


class ProtocolError(FabricError):
    """A message that is not as the protocol wants it. `number` is JSON-RPC's code, `status` HTTP's.

    `request_id` is that of a malformed request whose id could be read.
    """

    def __init__(
        self,
        number: int,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        details: dict[str, Json] | None = None,
        request_id: RequestId | None = None,
    ) -> None:
        super().__init__(code, message, hint=hint, details=details)
        self.number = number
        self.request_id = request_id
        self.status = _STATUS.get(number, 400)  # type: ignore[misc]  # its class has several


class Message(msgspec.Struct, frozen=True):
    """A request, or a notification where `id` is None."""

    method: str
    params: dict[str, Json]
    id: RequestId | None = None


def read_message(body: bytes) -> Message:
    """The message in a body. Raises ProtocolError: PARSE_ERROR for what is no strict JSON, else INVALID_REQUEST."""
    try:
        value = parse_strict(body)
    except Invalid as error:
        raise ProtocolError(PARSE_ERROR, error.code, error.message, hint=error.hint) from None
    if isinstance(value, list):
        raise _malformed("The body is a batch; this server takes one message a request.")
    if not isinstance(value, dict):
        raise _malformed("The body is not a JSON object.")
    request_id = value.get("id")
    if "id" in value and (isinstance(request_id, bool) or not isinstance(request_id, str | int)):
        raise _malformed("`id` is neither a string nor an integer.")
    if value.get("jsonrpc") != "2.0":
        raise _malformed('`jsonrpc` is not "2.0".', request_id)
    method, params = value.get("method"), value.get("params", {})
    if not isinstance(method, str):
        raise _malformed("The message is neither a request nor a notification: it has no `method`.", request_id)
    if not isinstance(params, dict):
        raise _malformed("`params` is not an object.", request_id)
    return Message(method, params, request_id)


def _malformed(text: str, request_id: RequestId | None = None) -> ProtocolError:
    hint = "Send one JSON-RPC 2.0 request or notification."
    return ProtocolError(INVALID_REQUEST, "MCP_MESSAGE", text, hint=hint, request_id=request_id)


def invalid_params(code: str, text: str, hint: str | None = None) -> ProtocolError:
    """The error for parameters that a method does not take."""
    return ProtocolError(INVALID_PARAMS, code, text, hint=hint)


def result_body(request_id: RequestId | None, result: Json) -> Json:
    """The answer to a request."""
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_body(error: FabricError, message: Message | None) -> Json:
    """The answer to what is refused. What is no fault of the message has HTTP's status as its number."""
    number, request_id = error.status, None if message is None else message.id
    if isinstance(error, ProtocolError):
        number, request_id = error.number, error.request_id if message is None else message.id
    data = {key: value for key, value in facts_of(error).items() if key != "message"}
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": number, "message": error.message, "data": data}}


def facts_of(error: FabricError) -> dict[str, Json]:
    """Everything that a caller is told of an error, its own details and a target's answer among it."""
    facts: dict[str, Json] = dict(msgspec.to_builtins(error.details))
    if isinstance(error, TargetFailed) and error.output is not None:
        facts["output"] = error.output
    if isinstance(error, TooMany):
        facts["retry_after"] = error.retry_after
    return {**facts, "code": error.code, "message": error.message, "hint": error.hint}
