"""What the host answers for a guest that does not."""

from catalog.errors import FabricError, TargetFailed, TargetTimeout, Unavailable
from runtime.wasm.messages import ANSWER_MOST
from runtime.wasm.wire import Failure


def of_guest(failure: Failure) -> FabricError:
    """As the worker says it."""
    details = {"trap": failure.trap, "frames": list(failure.frames)} if failure.trap else {}
    if failure.code == "GUEST_TIMEOUT":
        return timed_out()
    return TargetFailed(failure.code, failure.message, details=details)


def timed_out() -> TargetTimeout:
    """The request at the head has run out of time."""
    return TargetTimeout("GUEST_TIMEOUT", "The guest did not answer in time.")


def gone() -> TargetFailed:
    """The worker ended while it may have been at this request."""
    return TargetFailed("GUEST_GONE", "The guest ended before it answered; it may have done a part of its work.")


def not_begun() -> Unavailable:
    """The worker ended, or is ending, and has not seen this request."""
    return Unavailable("GUEST_NOT_BEGUN", "The guest ended before it saw the request.", hint="Try again.")


def bad_answer(why: str) -> TargetFailed:
    """The guest wrote something that is no answer."""
    return TargetFailed("GUEST_BAD_ANSWER", f"The guest's answer cannot be taken: {why}.")


def overflow() -> TargetFailed:
    """The guest's answer is too large."""
    return TargetFailed("GUEST_OVERFLOW", f"The guest's answer is over {ANSWER_MOST} bytes.")
