"""Allowance: how much of something a guest may have done in a second, with a burst."""

from collections.abc import Callable


class Allowance:
    """A bucket that fills with `rate` a second up to `burst`. It keeps no timer: the caller waits."""

    def __init__(self, now: Callable[[], float], *, rate: float, burst: float) -> None:
        self._now = now
        self._rate, self._burst = rate, burst
        self._left = burst
        self._at = now()

    def take(self, count: float) -> float:
        """Take `count`, which may be more than is there. How many seconds to wait before the next; 0: none."""
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - count
        self._at = now
        return max(0.0, -self._left / self._rate)
