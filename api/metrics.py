"""Metrics: what the engine counts, in Prometheus' text format.

Numbers and the names of operations and event types only: no organisation, person or Connection is named. So `/metrics`
asks for no credential; who may not even see numbers is kept out by where the server listens.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from api.wiring import Application

__all__ = ["CONTENT_TYPE", "EngineCollector", "exposition"]


class EngineCollector(Collector):
    """The engine's counters and the store's rows as Prometheus' families."""

    def __init__(self, application: Application, rows: dict[str, int]) -> None:
        self._measures = application.measures
        self._waiting = application.schedule.waiting
        self._rows = rows

    def collect(self) -> Iterator[Metric]:
        """Every family, with its present values."""
        measures = self._measures
        yield _counter("fabric_events", "Events dispatched since start.", "type", measures.events)
        yield _counter("fabric_runs", "Runs ended since start.", "state", measures.runs)
        yield _counter("fabric_changes", "Changes that came to a state since start.", "state", measures.changes)
        yield _counter(
            "fabric_assistant_calls", "Calls of assistants by what answered them.", "answer", measures.assistant_calls
        )
        yield _counter("fabric_guard_hits", "What the Redis guards answered.", "answer", measures.guard_hits)
        steps = CounterMetricFamily("fabric_steps", "Steps ended since start.", labels=("operation", "state"))
        for (operation, state), count in sorted(measures.steps.items()):
            steps.add_metric((operation, state), count)
        yield steps
        yield HistogramMetricFamily(
            "fabric_run_seconds",
            "From a run's row to its end, waiting included.",
            buckets=measures.run_seconds.cumulative(),
            sum_value=measures.run_seconds.sum,
        )
        for name, text, count in (
            ("fabric_ingested", "Events that ingest accepted.", measures.ingested),
            ("fabric_ingest_refused", "Events over the organisation's rate.", measures.rate_limited),
            ("fabric_condition_misses", "Firings that a condition stopped.", measures.misses),
            ("fabric_guard_errors", "Redis calls that failed.", measures.guard_errors),
            ("fabric_dispatch_errors", "Dispatches that were put off.", measures.dispatch_errors),
        ):
            yield CounterMetricFamily(name, text, value=count)
        yield GaugeMetricFamily("fabric_runs_waiting", "Runs that wait for a slot.", value=self._waiting)
        rows = GaugeMetricFamily("fabric_store_rows", "Rows of the store.", labels=("kind", "state"))
        for name, count in sorted(self._rows.items()):
            kind, _, state = name.partition(".")
            rows.add_metric((kind, state), count)
        yield rows


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in sorted(counts.items()):
        family.add_metric((value,), count)
    return family


async def exposition(application: Application) -> bytes:
    """The page as it is now."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(EngineCollector(application, await application.store.counts()))
    return generate_latest(registry)
