"""Timers that ring when a test lets time pass."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from tests.fakes.daemon_clock import DaemonClock


class FakeAlarm:
    """Implements runtime.daemon.timers.Alarm."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring: Callable[[], None] | None = ring

    def cancel(self) -> None:
        """See Alarm."""
        self.ring = None


class FakeTimers:
    """Implements runtime.daemon.timers.Timers on a DaemonClock."""

    def __init__(self, clock: DaemonClock) -> None:
        self.clock = clock
        self._number = count()
        self._alarms: list[tuple[float, int, FakeAlarm]] = []

    @property
    def waiting(self) -> int:
        """How many alarms are set."""
        return sum(alarm.ring is not None for _, _, alarm in self._alarms)

    def at(self, when: float, ring: Callable[[], None]) -> FakeAlarm:
        """See Timers."""
        alarm = FakeAlarm(ring)
        heapq.heappush(self._alarms, (when, next(self._number), alarm))
        return alarm

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, alarm by alarm, and everything that follows from each happen."""
        await settle()
        end = self.clock.steady + seconds
        while self._alarms and self._alarms[0][0] <= end:
            when, _, alarm = heapq.heappop(self._alarms)
            if alarm.ring is None:
                continue
            self.clock.pass_by(max(0.0, when - self.clock.steady))
            alarm.ring()
            await settle()
        self.clock.pass_by(end - self.clock.steady)
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let the loop run until everything that needs no outside has happened."""
    for _ in range(rounds):
        await asyncio.sleep(0)
