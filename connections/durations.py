"""Durations as authors write them: `250ms`, `30s`, `5m`, `24h`; and rates: `10/s`, `5/m`, `100/h`."""

import re

_DURATION = re.compile(r"(0|[1-9][0-9]{0,8})(ms|s|m|h)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_RATE = re.compile(r"(0|[1-9][0-9]{0,8})/([smh])\Z")

MAX_SECONDS = 86_400.0
"""The longest duration: a day."""


def find_duration(text: str) -> float | None:
    """Seconds, or None where `text` is no duration."""
    found = _DURATION.match(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None


def find_rate(text: str) -> tuple[int, float] | None:
    """How many in how many seconds, or None where `text` is no rate."""
    found = _RATE.match(text)
    return (int(found[1]), _SECONDS[found[2]]) if found else None


def seconds(text: str) -> float:
    """Seconds of a duration that was checked before. Raises ValueError for any other text."""
    found = find_duration(text)
    if found is None:
        raise ValueError("not a duration")
    return found
