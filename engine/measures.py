"""Measures: what the engine counts while it works. Plain numbers; api/metrics.py shows them to Prometheus."""

from bisect import bisect_left
from collections import Counter

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of a histogram's buckets, in seconds; one more holds what is longer."""


class Durations:
    """A histogram of seconds."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: upper bound and how many lie at or below it."""
        found, total = [], 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.buckets, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class Measures:
    """Counters since start, by the label they are shown with."""

    def __init__(self) -> None:
        self.ingested = 0
        self.rate_limited = 0
        self.events: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.run_seconds = Durations()
        self.steps: Counter[tuple[str, str]] = Counter()
        self.changes: Counter[str] = Counter()
        self.assistant_calls: Counter[str] = Counter()
        self.misses = 0
        self.guard_hits: Counter[str] = Counter()
        self.guard_errors = 0
        self.dispatch_errors = 0

    def matched(self, event_type: str, misses: int) -> None:
        """Note that an event was matched, and how many Connections it would have fired but for their conditions."""
        self.events[event_type] += 1
        self.misses += misses
