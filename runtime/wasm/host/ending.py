"""How a worker's end is told: the guest's own last word before the kernel's."""

from catalog.errors import FabricError, GuestFailed
from runtime.wasm.host import failures
from runtime.wasm.launch import Exit, Launch
from runtime.wasm.wire import Ended, Failure, Reaped

ZYGOTE_DOWN = "ZYGOTE_DOWN"
TIMEOUT = "TIMEOUT"
"""Killed: its time was up and an interrupt did not help."""
START_TIMEOUT = "START_TIMEOUT"
INTERRUPT = "INTERRUPT"
NOT_READY = "it was not ready in time"
BROKEN = "BROKEN"
"""Killed: it said what makes no sense."""


def exit_of(reaped: Reaped, last_word: Ended | None, reason: str | None) -> Exit:
    """`reason` is why we ended it, if we did."""
    code, trap = reaped.status, reason
    if last_word is not None:
        code = last_word.code
        if last_word.failure is not None:
            trap = last_word.failure.trap
    return Exit(code=code, trap=trap, cpu_ns=reaped.cpu_ns, max_rss=reaped.max_rss)


def head_error(ended: Exit) -> FabricError:
    """What the request at the head gets."""
    return failures.timed_out() if ended.trap == TIMEOUT else failures.gone()


def why_not_ready(failure: Failure) -> str:
    """In words that are about a start, where no request was."""
    return NOT_READY if failure.trap == INTERRUPT else failure.message


def cannot_run(launch: Launch, why: str, failure: Failure | None = None) -> GuestFailed:
    """The guest did not come to be ready."""
    details: dict[str, object] = {"reason": why}
    if failure is not None and failure.trap is not None:
        details |= {"trap": failure.trap, "frames": list(failure.frames)}
    return GuestFailed(
        "RUNTIME_ERROR", f"The module of `{launch.service}` cannot be run: {why.rstrip('.')}.", details=details
    )
