"""Scalars: durations and byte sizes as people write them, and as the API prints them.

duration   30 · 30s · 1m30s · 4h 30m 15s · 250ms · 1.5h     seconds inside, as float
size       4096 · 10MB · 512Mi · 1.5GiB                      bytes inside; K is 1000, Ki is 1024
"""

import re
from decimal import Decimal

from catalog.errors import Invalid

_SECONDS = {
    unit: seconds
    for units, seconds in (
        (("d", "day", "days"), Decimal(86400)),
        (("h", "hr", "hrs", "hour", "hours"), Decimal(3600)),
        (("m", "min", "mins", "minute", "minutes"), Decimal(60)),
        (("s", "sec", "secs", "second", "seconds"), Decimal(1)),
        (("ms", "msec", "millisecond", "milliseconds"), Decimal("0.001")),
    )
    for unit in units
}
_BYTES = {"": 1, "b": 1} | {
    prefix.lower() + tail: size**power
    for power, prefix in enumerate("KMGT", start=1)
    for size, tails in ((1000, ("", "b")), (1024, ("i", "ib")))
    for tail in tails
}
_PRINTED = sorted(
    [(1024**power, f"{prefix}i") for power, prefix in enumerate("KMGT", start=1)]
    + [(1000**power, f"{prefix}B") for power, prefix in enumerate("KMGT", start=1)],
    reverse=True,
)
_BINARY = [(size, unit) for size, unit in _PRINTED if unit.endswith("i")]

_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?\s*[a-zA-Z]+\s*)+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]+)")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)")

DURATION_FORMS = "`30s`, `1m30s`, `250ms`, `2h`, `1d` or a number of seconds"
SIZE_FORMS = "`512Mi`, `1.5Gi`, `10MB` or a number of bytes"
DURATION_MOST = 36_500 * 86_400
SIZE_MOST = 2**63 - 1
_TEXT_MOST = 64


def parse_duration(value: str | float) -> float:
    """Seconds. Units: s, m, h, d and their names, ms; compounds with the largest unit first; a bare number is seconds.

    Raises Invalid INVALID_REQUEST naming the text and the forms that are accepted.
    """
    text = _text(value)
    seconds = Decimal(text) if _NUMBER.fullmatch(text) else _compound(text)
    if seconds is None:
        raise _refused(text, "a duration", DURATION_FORMS)
    if seconds > DURATION_MOST:
        raise _refused(text, "a duration of less than a hundred years", DURATION_FORMS)
    return float(seconds)


def _compound(text: str) -> Decimal | None:
    if not _DURATION.fullmatch(text):
        return None
    total, before = Decimal(0), None
    for amount, unit in _PART.findall(text):
        size = _SECONDS.get(unit.lower())
        if size is None or (before is not None and size >= before):
            return None
        total, before = total + Decimal(amount) * size, size
    return total


def parse_bytes(value: str | float) -> int:
    """Bytes; a fraction of a byte is dropped. Upper and lower case mean the same.

    Raises Invalid INVALID_REQUEST naming the text and the forms that are accepted.
    """
    text = _text(value)
    match = _SIZE.fullmatch(text)
    unit = _BYTES.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise _refused(text, "a size", SIZE_FORMS)
    size = int(Decimal(match[1]) * unit)
    if size > SIZE_MOST:
        raise _refused(text, "a size below 8 EiB", SIZE_FORMS)
    return size


def print_bytes(count: int, *, exact: bool = False) -> str:
    """In the largest unit that divides evenly; where that needs many digits, with at most one decimal (`12.3Gi`).

    With `exact` no digit is ever lost: `parse_bytes` gives the same count back.
    """
    size, unit = next(((size, unit) for size, unit in _PRINTED if count and count % size == 0), (1, "B"))
    if exact or (count // size < 1000 * 10 and (size > 1 or count < 1024)):
        return f"{count // size}{unit}"
    for size, unit in _BINARY:
        tenths = (count * 10 + size // 2) // size
        if tenths >= 10:
            return f"{tenths // 10}.{tenths % 10}{unit}".replace(".0", "")
    return f"{count}B"


def print_duration(seconds: float) -> str:
    """`4h 30m 15s`; `1.5s` and `15ms` where it is short. From a minute on, fractions of a second are dropped."""
    if seconds < 1:
        thousandths = round(seconds * 10_000)
        return f"{_trimmed(thousandths / 10 if thousandths < 100 else round(seconds * 1000))}ms"
    if seconds < 60:
        return f"{_trimmed(round(seconds, 3))}s"
    parts, rest = [], int(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts)


def _trimmed(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _text(value: str | float) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return repr(value)
    return value.strip() if isinstance(value, str) else str(value)


def _refused(text: str, what: str, forms: str) -> Invalid:
    shown = text if len(text) <= _TEXT_MOST else text[:_TEXT_MOST] + "…"
    return Invalid("INVALID_REQUEST", f"`{shown}` is not {what}; write {forms}.")
