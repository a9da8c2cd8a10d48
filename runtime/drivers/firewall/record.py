"""Record: one alert as a log line told of it, before it has a number. How lines are read is each driver's."""

from datetime import UTC, datetime

import msgspec

from runtime.drivers.firewall.settings import Severity

LONGEST = 512
"""Characters of any text that are kept."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """`at_us` is microseconds since 1970; `more` are words that it is found by and that are not shown."""

    at_us: int
    severity: Severity
    signature: str
    source: str | None = None
    destination: str | None = None
    protocol: str | None = None
    category: str | None = None
    action: str | None = None
    more: str = ""

    @property
    def text(self) -> str:
        """All that it is found by."""
        told = (self.signature, self.source, self.destination, self.protocol, self.category, self.action, self.more)
        return " ".join(each for each in told if each)


class Unfit(ValueError):
    """A line that is not what it should be."""


def moment(text: str) -> int:
    """Microseconds since 1970; a time without a zone is UTC's. Raises Unfit."""
    try:
        found = datetime.fromisoformat(text)
        aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise Unfit(f"{text[:40]!r} is no time") from error


def shown(at_us: int) -> str:
    """In RFC 3339, UTC, to the microsecond."""
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def end_of(address: str | None, port: int | None) -> str | None:
    """Address and port of one side."""
    if address is None or not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def cut(text: str | None) -> str | None:
    """At most LONGEST characters of it, and none that a terminal would obey."""
    if text is None:
        return None
    return "".join(each if each.isprintable() else "�" for each in text[:LONGEST])
