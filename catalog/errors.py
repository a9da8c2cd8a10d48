"""The one exception tree.

FabricError                     deliberate, with a stable code; anything else that is raised is a bug
├── Invalid              400    what was sent is wrong
│   └── ConnectionInvalid 422   a Connection with at least one error Diagnostic
├── Unauthenticated      401    nobody we know
├── Forbidden            403    somebody we know, who may not
├── NotFound             404    absent, or not yours: both answer alike
├── Conflict             409    the state is not what the caller believed
├── PreconditionFailed   412    If-Match names another revision
├── TooLarge             413    over a stated limit
├── TooMany              429    over a rate or a count; `retry_after` seconds
├── GuestFailed          500    a module of the user's could not be built, loaded or run
├── Unsupported          501    the catalog knows it, this door does not
├── Unavailable          503    we cannot do it now
├── TargetFailed         502    the outside answered badly
└── TargetTimeout        504    the outside did not answer in time
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from catalog.diagnostics import Diagnostic


class FabricError(Exception):
    """A deliberate failure: stable `code` (UPPER_SNAKE), one sentence, and what to do now."""

    status: ClassVar[int] = 500

    def __init__(
        self, code: str, message: str, *, hint: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details = dict(details or {})


class Invalid(FabricError):
    """What was sent is wrong; the caller can mend it."""

    status = 400


class ConnectionInvalid(Invalid):
    """A Connection that does not compile. `diagnostics` holds every problem, not only the first."""

    status = 422

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        count = len(diagnostics)
        super().__init__(
            "CONNECTION_INVALID",
            f"The Connection has {count} problem{'' if count == 1 else 's'}: {_first(diagnostics)}.",
            hint="Mend what `diagnostics` lists.",
        )
        self.diagnostics = tuple(diagnostics)


def _first(diagnostics: Sequence[Diagnostic]) -> str:
    worst = next((each for each in diagnostics if each.severity == "error"), diagnostics[0])
    return f"`{worst.code}` at `{worst.pointer or '/'}`" + ("" if len(diagnostics) == 1 else " and others")


class Unauthenticated(FabricError):
    """No credential, or none we know."""

    status = 401


class Forbidden(FabricError):
    """Known, but not permitted."""

    status = 403


class NotFound(FabricError):
    """Absent or another organisation's; both answer alike."""

    status = 404


class Conflict(FabricError):
    """The state is not what the caller believed."""

    status = 409


class PreconditionFailed(FabricError):
    """If-Match names a revision that is no longer current."""

    status = 412


class TooLarge(FabricError):
    """Over a stated size."""

    status = 413


class TooMany(FabricError):
    """Over a rate or a count; try again after `retry_after` seconds."""

    status = 429

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: float = 1.0,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code, message, hint=hint, details=details)
        self.retry_after = retry_after


class GuestFailed(FabricError):
    """A module of the user's could not be built, loaded or run; the fault is in the module or its build."""

    status = 500


class Unsupported(FabricError):
    """Known, but not through this door."""

    status = 501


class Unavailable(FabricError):
    """We cannot do it now; nothing was done."""

    status = 503


class TargetFailed(FabricError):
    """The outside refused or answered badly. `output` is what it answered, so that a later step can look at it."""

    status = 502

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
        output: Any = None,
    ) -> None:
        super().__init__(code, message, hint=hint, details=details)
        self.output = output


class TargetTimeout(FabricError):
    """The outside did not answer in time."""

    status = 504
