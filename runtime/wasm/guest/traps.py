"""What stopped a guest, in words."""

import re

import wasmtime

from runtime.wasm.guest.answering import Nonsense, Overflow
from runtime.wasm.messages import ANSWER_MOST
from runtime.wasm.wire import Failure

INTERRUPT = "INTERRUPT"
_FRAMES_MOST = 8
_NAME_MOST = 200
"""Characters of a function's name; Rust's can be a page."""
_SENTENCE_MOST = 1000


def exit_code(error: BaseException) -> int | None:
    """The code given to `proc_exit`; None: it is another error."""
    return error.code if isinstance(error, wasmtime.ExitTrap) else None


def failure(error: wasmtime.Trap | wasmtime.WasmtimeError | Nonsense | Overflow) -> Failure:
    """Why a guest has not answered."""
    if isinstance(error, Nonsense):
        return Failure(code="GUEST_BAD_ANSWER", message=f"The guest's answer cannot be taken: {error}.")
    if isinstance(error, Overflow):
        return Failure(code="GUEST_OVERFLOW", message=f"The guest's answer is over {ANSWER_MOST} bytes.")
    code = exit_code(error)
    if code is not None:
        return Failure(code="GUEST_TRAPPED", message=f"The guest ended itself with code {code}.", trap="EXIT")
    name = _name(error)
    if name == INTERRUPT:
        return Failure(code="GUEST_TIMEOUT", message="The guest did not answer in time.", trap=name)
    sentence = (
        f"The guest trapped: {name.lower().replace('_', ' ')}." if name else f"The guest failed: {_cause(error)}."
    )
    return Failure(code="GUEST_TRAPPED", message=sentence, trap=name or "ERROR", frames=_frames(error))


def why_unfit(error: Exception) -> Failure:
    """Why a guest could not be started."""
    if isinstance(error, wasmtime.Trap):
        return failure(error)
    lines = [line.strip() for line in str(error).splitlines()]
    told = ": ".join(line for line in lines if line and line != "Caused by:")
    return Failure(code="RUNTIME_ERROR", message=told[:_SENTENCE_MOST])


def _name(error: wasmtime.Trap | wasmtime.WasmtimeError) -> str | None:
    if not isinstance(error, wasmtime.Trap):  # a component's trap is a plain error with these words
        return INTERRUPT if _cause(error) == "wasm trap: interrupt" else None
    return error.trap_code.name if error.trap_code is not None else None


def _cause(error: BaseException) -> str:
    """The first line, or what is at the bottom of it."""
    first, _, rest = str(error).strip().partition("\n")
    causes = rest.rpartition("Caused by:")[2].strip().splitlines() if "Caused by:" in rest else [first]
    return re.sub(r"^\d+: ", "", causes[-1].strip()).rstrip(".")[:_SENTENCE_MOST]


def _frames(error: wasmtime.Trap | wasmtime.WasmtimeError) -> tuple[str, ...]:
    if not isinstance(error, wasmtime.Trap):
        return ()
    return tuple(
        f"{(each.func_name or f'function {each.func_index}')[:_NAME_MOST]} +0x{each.module_offset:x}"
        for each in error.frames[:_FRAMES_MOST]
    )
