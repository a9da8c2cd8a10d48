"""Times as the services API takes them in queries and prints them in answers."""

from datetime import UTC, datetime

from catalog.errors import Invalid
from runtime.clock import rfc3339
from runtime.forms.scalars import parse_duration

_FORMS = "Write it as `2025-01-15T10:00:00Z`."


def moment(text: str | None, name: str) -> int | None:
    """An RFC 3339 time of a query as nanoseconds since 1970; None where it is left out. Raises Invalid."""
    if text is None:
        return None
    # A plus sign that nobody escaped arrives as a blank.
    head, point, rest = text.strip().replace(" ", "+").partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        found = datetime.fromisoformat(head + rest[len(digits) :])
    except ValueError:
        raise _refused(text, name) from None
    if (point and not digits) or len(digits) > 9 or found.tzinfo is None:
        raise _refused(text, name)
    return int((found.astimezone(UTC) - _EPOCH).total_seconds()) * 1_000_000_000 + int(digits.ljust(9, "0"))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _refused(text: str, name: str) -> Invalid:
    message = f"`{name}` is `{text[:64]}`, which is no RFC 3339 time."
    return Invalid("INVALID_REQUEST", message, hint=_FORMS, details={"field": name})


def seconds(text: str | float | None, default: float) -> float:
    """A duration of a query or body in seconds. Raises Invalid."""
    return default if text is None else parse_duration(text)


def stamp(nanoseconds: int | None) -> str | None:
    """A time of an answer, to the second; null where there is none."""
    return None if nanoseconds is None else rfc3339(nanoseconds)
