"""Measures: what the engine counts while it works. Plain numbers; api/metrics.py shows them to Prometheus."""

from collections import Counter


class Measures:
    """Counters since start, by the label they are shown with."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()
        self.steps: Counter[tuple[str, str]] = Counter()
        self.changes: Counter[str] = Counter()
        self.misses = 0
        self.rate_limited = 0
        self.guard_hits: Counter[str] = Counter()
        self.guard_errors = 0
        self.dispatch_errors = 0
