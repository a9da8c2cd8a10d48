"""Exported: one function of one service: parameters in, a message to its warm instance, a checked output back."""

import asyncio
from struct import Struct
from typing import Protocol

import msgspec

from catalog.errors import Invalid, NotFound, TargetFailed, TooLarge, Unavailable
from catalog.foreign_schemas import Validity
from catalog.jsonvalue import MAX_DEPTH, Json, parse_strict
from catalog.operations import Operation
from catalog.provider import Call
from runtime.arrival import Arrival
from runtime.providers.service_functions.operation import PATH
from runtime.providers.service_functions.patience import Patience
from runtime.providers.service_functions.source import Forward, Offer, Source
from runtime.wasm.messages import decode_answer, encode_request
from runtime.wasm.modules.function_section import Function

BYTES_MOST = 256 * 1024
"""Bytes of JSON, of parameters and of an output."""
REASON_MOST = 2000

_LENGTH = Struct("<I")
_GOOD = b"\x01\xc8\x00\x00\x00"
"""How an answer begins that has status 200 and no headers, as `messages` writes it."""
_BODY_AT = len(_GOOD) + _LENGTH.size
_FOLDED = bytes.maketrans(b"123456789{", b"000000000[")
_LONG = b"0" * 19
"""What a number that may lie outside 64 bits is, once it is folded."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Owner(Protocol):
    """The provider, as its functions know it."""

    organisation_id: str
    patience: Patience
    source: Source | None
    arrival: Arrival


class Exported:
    """The code behind an operation `service.{name}.{function}`. A call costs one future, no task and no timer."""

    __slots__ = (
        "_forward", "_head", "_input", "_input_small", "_input_valid", "_loop", "_output", "_output_small",
        "_output_valid", "_owner", "_service_id", "_source", "operation",
    )  # fmt: skip

    def __init__(self, owner: Owner, offer: Offer, operation: Operation, function: Function) -> None:
        self.operation = operation
        self._owner = owner
        self._service_id = offer.service_id
        self._source: Source | None = None
        self._forward: Forward
        self._loop: asyncio.AbstractEventLoop
        self._input, self._output = Validity(operation.input_schema), Validity(operation.output_schema)
        self._input_valid, self._output_valid = self._input.holds, self._output.holds
        self._input_small = min(BYTES_MOST, self._input.affordable_bytes)
        self._output_small = min(BYTES_MOST, self._output.affordable_bytes)
        headers = [(b"host", offer.service.encode()), (b"content-type", b"application/json")]
        whole = encode_request(b"POST", f"{PATH}{function.name}".encode(), headers, b"")
        self._head = whole[: -_LENGTH.size]

    async def call(self, params: dict[str, Json], call: Call) -> Json:
        """Ask the warm instance.

        Raises NotFound OP_UNKNOWN in another organisation; Invalid PARAM_SCHEMA; TooLarge PARAM_TOO_LARGE,
        OUTPUT_TOO_LARGE; TargetTimeout FUNCTION_TIMEOUT, GUEST_TIMEOUT; TargetFailed FUNCTION_FAILED (with what the
        guest answered), FUNCTION_OUTPUT, GUEST_*; Unavailable SERVICE_NOT_RUNNING, SERVICE_NOT_READY, SERVICE_BUSY,
        SERVICES_UNAVAILABLE.
        """
        if call.organisation_id != self._owner.organisation_id:
            raise NotFound(
                "OP_UNKNOWN", f"There is no operation `{self.operation.id}`.", hint="See `fabric catalog ls`."
            )
        if self._source is None or self._source is not self._owner.source:
            await self._find_way()
        body = _encode(params)
        if len(body) > self._input_small or not self._input_valid(params):
            self._check_params(params, body)
        loop = self._loop
        answered: asyncio.Future[bytes | Exception] = loop.create_future()

        def done(answer: bytes | Exception) -> None:
            if not answered.done():
                answered.set_result(answer)

        self._forward(b"".join((self._head, _LENGTH.pack(len(body)), body)), done)
        patience = self._owner.patience
        if call.deadline > loop.time() + patience.seconds:  # else whoever calls stops waiting before
            patience.watch(answered, self.operation.id, loop)
        answer = await answered
        if not isinstance(answer, bytes):
            raise answer
        # What most guests answer is read here; everything else, and whatever is wrong, below.
        body = answer[_BODY_AT:]
        size = len(body)
        if answer[:_BODY_AT] == _GOOD + _LENGTH.pack(size) and size <= self._output_small and _is_plain(body):
            try:
                output = _decode(body)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return self._read(answer)
            if self._output_valid(output):
                return output
        return self._read(answer)

    async def _find_way(self) -> None:
        if self._owner.source is None:
            await self._owner.arrival.wait(self._owner.patience.seconds)
        self._source = source = self._owner.source
        if source is None:
            raise Unavailable(
                "SERVICES_UNAVAILABLE",
                "No services daemon runs in this process.",
                hint="Start the server with its services half, or wait until it is up.",
            )
        self._forward = source.way(self._service_id)
        self._loop = asyncio.get_running_loop()

    def _check_params(self, params: dict[str, Json], body: bytes) -> None:
        if len(body) > BYTES_MOST or not self._input.affordable(body):
            raise TooLarge("PARAM_TOO_LARGE", f"The parameters of `{self.operation.id}` are over {BYTES_MOST} bytes.")
        if not self._input.holds(params):
            raise Invalid(
                "PARAM_SCHEMA",
                f"The parameters do not fit the input schema of `{self.operation.id}`.",
                hint=f"`fabric catalog show --live {self.operation.id}` prints it.",
            )

    def _read(self, answer: bytes) -> Json:
        body = self._body(answer)
        if len(body) > BYTES_MOST:
            raise TooLarge(
                "OUTPUT_TOO_LARGE", f"`{self.operation.id}` answers more than {BYTES_MOST} bytes.", hint="Ask for less."
            )
        output = self._parsed(body)
        if not self._output.affordable(body):
            raise TooLarge("OUTPUT_TOO_LARGE", f"`{self.operation.id}` answers more values than can be checked.")
        if not self._output.holds(output):
            raise self._bad("its answer does not fit its output schema")
        return output

    def _body(self, answer: bytes) -> bytes:
        found = decode_answer(answer)
        if found.status != 200:
            reason = found.body[:REASON_MOST].decode(errors="replace")
            raise TargetFailed(
                "FUNCTION_FAILED",
                f"`{self.operation.id}` answers {found.status}.",
                hint="Its output holds what the guest says; `fabric service logs` prints its log.",
                output={"status": found.status, "reason": reason},
            )
        return found.body

    def _parsed(self, body: bytes) -> Json:
        if not body:
            return None
        try:
            return parse_strict(body)
        except Invalid as error:
            raise self._bad(f"its answer is no JSON that we take: {error.message.removesuffix('.')}") from None

    def _bad(self, why: str) -> TargetFailed:
        return TargetFailed(
            "FUNCTION_OUTPUT", f"`{self.operation.id}` cannot be believed: {why}.", hint="Correct the service's guest."
        )


def _is_plain(body: bytes) -> bool:
    """Is it neither deep nor with a number beyond 64 bits? Then the quick decoder reads it as the strict one would."""
    folded = body.translate(_FOLDED)
    return folded.count(b"[") <= MAX_DEPTH and _LONG not in folded
