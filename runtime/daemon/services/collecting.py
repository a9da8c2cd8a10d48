"""Collecting: a look at every running service's CPU once an interval, so that a window's beginning is never far."""

from runtime.clock import Clock
from runtime.daemon.services.services import Services
from runtime.daemon.timers import Alarm, Timers


class Collector:
    """`start` begins, `stop` ends. `interval` in seconds may be exchanged at any time; nothing runs in between."""

    def __init__(self, services: Services, clock: Clock, timers: Timers, interval: float) -> None:
        self.interval = interval
        self._services = services
        self._clock = clock
        self._timers = timers
        self._alarm: Alarm | None = None

    def start(self) -> None:
        """Look once an interval from now on."""
        self._alarm = self._timers.at(self._clock.monotonic() + self.interval, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _look(self) -> None:
        now = self._clock.monotonic()
        for service in self._services.list():
            replicas = [slot.replica for slot in service.slots if slot.replica is not None]
            if replicas:
                service.totals.cores(service.totals.now(replicas).cpu_ns, now)
        self.start()
