"""The envelope that a daemon answers in, opened: its data, or its error as the FabricError that it stands for."""

import msgspec

from catalog.errors import (
    Conflict,
    FabricError,
    Forbidden,
    GuestFailed,
    Invalid,
    NotFound,
    PreconditionFailed,
    TargetFailed,
    TargetTimeout,
    TooLarge,
    TooMany,
    Unavailable,
)
from catalog.jsonvalue import Json

_KINDS: dict[int, type[FabricError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: TooLarge,
    429: TooMany,
    503: Unavailable,
    504: TargetTimeout,
}
_GUESTS_FAULT = frozenset({"BUILD_FAILED", "RUNTIME_ERROR"})


class _Trouble(msgspec.Struct, frozen=True):
    code: str
    message: str
    details: dict[str, Json] = {}


class _Envelope(msgspec.Struct, frozen=True):
    data: Json = None
    error: _Trouble | None = None


def opened(status: int, content: bytes) -> Json:
    """The data of an answer. Raises the FabricError that it stands for, TargetFailed DAEMON_KEY, DAEMON_ANSWER."""
    try:
        envelope = msgspec.json.decode(content, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_answer() from None
    if 200 <= status < 300:
        return envelope.data
    if status == 401:
        # Ours, not the caller's: he is known to us, and it is the daemon that does not know us.
        raise TargetFailed(
            "DAEMON_KEY", "The daemon does not take the controller's key.", hint="Set `credentials.api_key` anew."
        )
    if envelope.error is None:
        raise _no_answer()
    raise _meant(status, envelope.error)


def _meant(status: int, trouble: _Trouble) -> FabricError:
    details = dict(trouble.details)
    hint = details.pop("hint", None)
    hint = hint if isinstance(hint, str) else None
    kind = _KINDS.get(status, GuestFailed if trouble.code in _GUESTS_FAULT else TargetFailed)
    return kind(trouble.code, trouble.message, hint=hint, details=details)


def _no_answer() -> TargetFailed:
    return TargetFailed(
        "DAEMON_ANSWER",
        "What answers at the controller's place is no services daemon.",
        hint="Look at the controller's `settings`.",
    )
