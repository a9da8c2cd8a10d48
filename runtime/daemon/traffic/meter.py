"""Meter: what went through a service's route. One call a request, no allocation but the first time."""

from bisect import bisect_left
from collections.abc import Callable

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram, in seconds."""
WINDOW = 10
"""Seconds that the rate is averaged over."""


class Meter:
    """Counts answered requests. Bytes are heads and bodies as the guest's messages have them."""

    __slots__ = ("_buckets", "_clock", "_second", "by_class", "latency", "received", "requests", "seconds", "sent")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._clock = monotonic
        self.requests = self.received = self.sent = 0
        self.by_class = [0] * 6
        """At index n: answers with status n00 to n99; 0 stands for answers that were none."""
        self.latency = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self._buckets = [0] * (WINDOW + 1)
        self._second = 0

    def count(self, began: float, received: int, sent: int, status: int) -> None:
        """One request was answered; it was `began` at that monotonic time."""
        now = self._clock()
        took = now - began
        self.requests += 1
        self.received += received
        self.sent += sent
        self.by_class[status // 100] += 1
        self.latency[bisect_left(BOUNDS, took)] += 1
        self.seconds += took
        second = int(now)
        if second != self._second:
            self._turn(second)
        self._buckets[second % len(self._buckets)] += 1

    def count_connection(self, seconds: float, received: int, sent: int) -> None:
        """A connection has ended after so many seconds: one request, without a status."""
        now = self._clock()
        self.count(now - seconds, received, sent, 0)

    def add_bytes(self, received: int, sent: int) -> None:
        """Bytes that belong to no request: those of a connection."""
        self.received += received
        self.sent += sent

    def rate(self) -> float:
        """Requests a second over the last ten whole ones."""
        second = int(self._clock())
        if second != self._second:
            self._turn(second)
        current = self._buckets[second % len(self._buckets)]
        return (sum(self._buckets) - current) / WINDOW

    def _turn(self, second: int) -> None:
        """Empty the buckets of the seconds in which nothing was counted."""
        size = len(self._buckets)
        for each in range(max(self._second + 1, second - size + 1), second + 1):
            self._buckets[each % size] = 0
        self._second = second
