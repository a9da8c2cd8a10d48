"""Meter: what went through a service's route. One note a request; sums are made of some at a time, or for who asks."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from itertools import repeat

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram, in seconds."""
WINDOW = 10
"""Seconds that the rate is averaged over."""
NOTES_MOST = 16


class Sums:
    """Answered requests since the route was made. Bytes are heads and bodies as the guest's messages have them."""

    __slots__ = ("by_class", "latency", "received", "seconds", "sent")

    def __init__(self) -> None:
        self.received = self.sent = 0
        self.by_class = [0] * 6
        """At index n: answers with status n00 to n99; 0 stands for answers that were none."""
        self.latency = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(self.by_class)


class Meter:
    """Counts answered requests. While somebody waits for an answer it is only noted."""

    __slots__ = ("_clock", "_lately", "_notes", "_past", "_second", "_sums")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._clock = monotonic
        self._notes: list[tuple[float, float, int, int, int]] = []
        self._sums = Sums()
        self._second = 0
        self._lately = 0
        """Requests that ended within `_second`; `_past` has those of the seconds before."""
        self._past = deque[int](maxlen=WINDOW)

    def count(self, began: float, received: int, sent: int, status: int) -> None:
        """One request was answered; it was `began` at that monotonic time. A `status` from 600 on is none."""
        notes = self._notes
        notes.append((began, self._clock(), received, sent, status))
        if len(notes) == NOTES_MOST:
            self._add_up()

    def count_connection(self, seconds: float, received: int, sent: int) -> None:
        """A connection has ended after so many seconds: one request, without a status."""
        self.count(self._clock() - seconds, received, sent, 0)

    def add_bytes(self, received: int, sent: int) -> None:
        """Bytes that belong to no request: those of a connection."""
        self._sums.received += received
        self._sums.sent += sent

    def sums(self) -> Sums:
        """All that was counted, up to now."""
        self._add_up()
        return self._sums

    def rate(self) -> float:
        """Requests a second over the last ten whole ones."""
        self._add_up()
        self._turn_to(int(self._clock()))
        return sum(self._past) / WINDOW

    def _add_up(self) -> None:
        sums = self._sums
        for began, ended, received, sent, status in self._notes:
            took = ended - began
            sums.received += received
            sums.sent += sent
            sums.by_class[status // 100 if status < 600 else 0] += 1
            sums.latency[bisect_left(BOUNDS, took)] += 1
            sums.seconds += took
            self._turn_to(int(ended))
            self._lately += 1
        self._notes.clear()

    def _turn_to(self, second: int) -> None:
        """Begin another second, if it is another; in those between the two nothing was counted."""
        if second == self._second:
            return
        self._past.append(self._lately)
        self._past.extend(repeat(0, min(second - self._second - 1, WINDOW)))
        self._second, self._lately = second, 0
