"""Times as text."""

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """A time in seconds since 1970 UTC as RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
