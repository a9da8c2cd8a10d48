"""docs/metrics.md."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

from api.daemon.counters import Counters
from api.daemon.door import Door
from api.daemon.metrics import ServicesCollector
from api.daemon.requests import Requests
from api.metrics import EngineCollector
from api.wiring import Application
from engine.measures import Measures


def page() -> str:
    """Every metric family with its type, labels and meaning."""
    return "\n".join(
        [
            "# Metrics",
            "",
            "`GET /metrics`, in Prometheus' text format. Numbers only: no organisation, person or Connection is named.",
            "",
            "| metric | type | labels | meaning |",
            "|---|---|---|---|",
            *_rows(),
            "",
            "## Services",
            "",
            "`GET /metrics` on a port of its own, `prometheus_port` of `[monitoring]`. Labels `service` and `volume`",
            "are names, `endpoint` is a route's template without `/v1`.",
            "",
            "| metric | type | labels | meaning |",
            "|---|---|---|---|",
            *_services_rows(),
        ]
    )


def _rows() -> Iterator[str]:
    measures = Measures()
    measures.steps["operation", "state"] = 1
    for counts in (measures.events, measures.runs, measures.changes, measures.assistant_calls, measures.guard_hits):
        counts["x"] = 1
    parts = SimpleNamespace(measures=measures, schedule=SimpleNamespace(waiting=0))
    for family in EngineCollector(cast(Application, parts), {"kind.state": 1}).collect():
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        suffix = "_total" if family.type == "counter" else ""
        names = ", ".join(f"`{label}`" for label in labels)
        yield f"| `{family.name}{suffix}` | {family.type} | {names} | {family.documentation} |"


def _services_rows() -> Iterator[str]:
    nothing: list[object] = []
    services = SimpleNamespace(list=lambda: nothing)
    door = SimpleNamespace(
        daemon=SimpleNamespace(
            services=services,
            volumes=services,
            config=SimpleNamespace(resources=SimpleNamespace(max_memory_total=0, max_cpu_total=0)),
            health=SimpleNamespace(checks={}),
        ),
        requests=Requests(),
        counters=Counters(),
        streams=0,
    )
    for family in ServicesCollector(cast(Door, door)).collect():
        suffix = "_total" if family.type == "counter" else ""
        names = ", ".join(f"`{label}`" for label in sorted(getattr(family, "_labelnames", ())))
        yield f"| `{family.name}{suffix}` | {family.type} | {names} | {family.documentation} |"
