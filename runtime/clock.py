"""Clock: the daemon's time, injected so that tests own it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for stamps, monotonic time for waiting."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class SystemClock:
    """The machine's."""

    # Asked several times a request, so the functions themselves and no methods around them.
    now_ns = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)


def rfc3339(nanoseconds: int, *, fraction: int = 0) -> str:
    """A UTC stamp with `fraction` digits (0 or 9) of the second."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{rest:09d}Z" if fraction else f"{text}Z"
