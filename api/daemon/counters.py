"""Counters: what events say, counted since start for /metrics."""

from collections import Counter

from runtime.daemon.events import DaemonEvent

ASKED = frozenset({"request", "update", "deploy"})
"""Causes of `service.scaled` that are a caller's and not the scaler's."""


class Counters:
    """Hears every event; by service name, which is what the metrics' labels say."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.autoscaled: Counter[tuple[str, str]] = Counter()
        self.crashes: Counter[str] = Counter()

    def hear(self, event: DaemonEvent) -> None:
        """Count one; a listener of the event bus."""
        self.events[event.type] += 1
        data = event.data
        name = str(data.get("name") or event.service_id)
        if event.type == "service.scaled" and data.get("cause") not in ASKED:
            direction = "up" if data["new_replicas"] > data["previous_replicas"] else "down"
            self.autoscaled[name, direction] += 1
        elif event.type == "service.stopped" and data.get("reason"):
            self.crashes[name] += 1
