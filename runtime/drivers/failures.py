"""What goes wrong between a driver and its controller; each error names the controller and says what to check.

What a client library says of it may repeat a URL with its password: credentials are masked in every reason.
"""

import asyncio
import ssl
from types import TracebackType

from catalog.errors import FabricError, NotFound, TargetFailed, TargetTimeout, Unavailable
from catalog.provider import Target
from runtime.drivers.masking import masked


def named(target: Target) -> str:
    """The controller as a person knows it."""
    return f"Controller `{target.name or target.id}`"


def unreachable(
    target: Target, reason: str, hint: str = "Is it on, and are its address and port right?"
) -> TargetFailed:
    """Nobody answers there, or not in its protocol."""
    return TargetFailed(
        "TARGET_UNREACHABLE", f"{named(target)} cannot be reached: {masked(target, reason)}.", hint=hint
    )


def auth_failed(target: Target, reason: str = "it does not take the credentials") -> TargetFailed:
    """It answers and does not let us in."""
    return TargetFailed(
        "TARGET_AUTH_FAILED",
        f"{named(target)} lets nobody in: {masked(target, reason)}.",
        hint="Set its credentials anew: `fabric controllers set NAME --credential KEY=@FILE`.",
    )


def refused(target: Target, reason: str, hint: str | None = None) -> TargetFailed:
    """It understood and will not, or what it answers makes no sense."""
    return TargetFailed(
        "TARGET_REFUSED",
        f"{named(target)} refuses: {masked(target, reason)}.",
        hint=hint or "Look at its own log for the reason.",
    )


def timed_out(target: Target, seconds: float, what: str = "") -> TargetTimeout:
    """It has not answered in time; what it may have done is not known."""
    doing = f" {what}" if what else ""
    return TargetTimeout(
        "TARGET_TIMEOUT",
        f"{named(target)} has not answered{doing} within {seconds:.3g} s.",
        hint="Look whether it is overloaded, or raise `timeout_seconds` in its settings.",
    )


def not_found(target: Target, what: str, hint: str | None = None) -> NotFound:
    """It has no such thing; `what` such as "no camera `porch`"."""
    return NotFound("TARGET_NOT_FOUND", f"{named(target)} has {masked(target, what)}.", hint=hint)


def busy(target: Target) -> Unavailable:
    """Too many calls to it hang already."""
    return Unavailable(
        "TARGET_BUSY",
        f"{named(target)} still has unanswered calls; no further one is begun.",
        hint="Wait until they end; look whether it hangs.",
    )


def translated(target: Target, seconds: float, what: str, error: BaseException) -> BaseException:
    """The error for what the network or the guarded way out says; what is neither stays as it is."""
    if isinstance(error, TimeoutError):
        return timed_out(target, seconds, what)
    if isinstance(error, TargetFailed | TargetTimeout):
        return _of_the_way_out(target, seconds, what, error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return unreachable(target, f"its certificate is not trusted ({error.verify_message})", _CERTIFICATE)
    if isinstance(error, ssl.SSLError):
        return unreachable(target, f"TLS fails with it ({_words(error.reason)})", _SPEAKS_TLS)
    if isinstance(error, EOFError):
        return unreachable(target, "it hangs up in the middle of its answer")
    if isinstance(error, asyncio.LimitOverrunError):
        return refused(target, "its answer is longer than it may be")
    return unreachable(target, _told(error)) if isinstance(error, OSError) else error


class Reaching:
    """Bounds what is inside by `seconds` and translates what the network and the guarded way out say.

    Raises TargetTimeout TARGET_TIMEOUT, TargetFailed TARGET_UNREACHABLE, TARGET_REFUSED. No generator: a loop keeps a
    book of those, which costs more than all else here.
    """

    def __init__(self, target: Target, seconds: float, what: str = "") -> None:
        self._target = target
        self._seconds = seconds
        self._what = what
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as over:
            error = over
        if error is None:
            return
        raised = translated(self._target, self._seconds, self._what, error)
        if raised is not error:
            raise raised from None


_SPEAKS_TLS = "Does it speak TLS at that port, and a version of it that is still in use?"
_CERTIFICATE = "Renew the certificate, or give its authority as the setting `ca_file`."


def _of_the_way_out(target: Target, seconds: float, what: str, error: FabricError) -> FabricError:
    reason = error.message.rstrip(".")
    reason = reason[:1].lower() + reason[1:]
    if error.code == "EGRESS_TIMEOUT":
        return timed_out(target, seconds, what)
    if error.code == "EGRESS_TLS":
        return unreachable(target, reason, _CERTIFICATE)
    if error.code == "EGRESS_UNREACHABLE":
        return unreachable(target, reason)
    return refused(target, reason) if error.code == "EGRESS_PROTOCOL" else error


def _told(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _words(reason: str | None) -> str:
    return (reason or "no reason given").replace("_", " ").lower()
