"""Requests: what the services API has answered, counted for /metrics and GET /v1/daemon/stats."""

from collections import Counter
from time import monotonic

from engine.measures import Durations

WINDOW = 10
"""Seconds over which the rate is taken."""


class Requests:
    """Counters since start. `endpoint` is a route's template without /v1."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.durations: dict[str, Durations] = {}
        self.errors = 0
        self.total = 0
        self._seconds: list[tuple[int, int]] = [(-1, 0)] * WINDOW

    def note(self, method: str, endpoint: str, seconds: float | None, status: int) -> None:
        """Count one answer; `seconds` None where it says nothing, as for a stream."""
        self.total += 1
        self.counts[method, endpoint] += 1
        self.errors += status >= 400
        if seconds is not None:
            self.durations.setdefault(endpoint, Durations()).add(seconds)
        now = int(monotonic())
        at, count = self._seconds[now % WINDOW]
        self._seconds[now % WINDOW] = (now, count + 1 if at == now else 1)

    def per_second(self) -> float:
        """Answers a second, over the last ten."""
        since = int(monotonic()) - WINDOW
        return round(sum(count for at, count in self._seconds if at > since) / WINDOW, 1)
