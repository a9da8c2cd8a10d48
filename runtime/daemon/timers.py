"""Timers: calls at a later time, injected so that tests own it."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from runtime.clock import Clock


class Alarm(Protocol):
    """A call that will be made."""

    def cancel(self) -> None:
        """Make it not happen."""
        ...


class Timers(Protocol):
    """Calls back on the event loop. Nothing is spent before the time has come."""

    def at(self, when: float, ring: Callable[[], None]) -> Alarm:
        """Call `ring` once the clock's monotonic time is `when`; what is over is due now, but not within this call."""
        ...


class LoopTimers:
    """The running event loop's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def at(self, when: float, ring: Callable[[], None]) -> Alarm:
        """See Timers."""
        return asyncio.get_running_loop().call_later(max(0.0, when - self._clock.monotonic()), ring)
