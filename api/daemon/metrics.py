"""Metrics of the services half, in Prometheus' text format: every one that the reference names, and more.

Numbers, and the names of services, volumes and routes; nothing of what goes through them.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from api.daemon.door import Door
from runtime.daemon.services import Service
from runtime.daemon.services.records import SERVICE_STATES
from runtime.daemon.telling import totals
from runtime.daemon.traffic.meter import BOUNDS

__all__ = ["CONTENT_TYPE", "ServicesCollector", "exposition"]


class ServicesCollector(Collector):
    """The daemon as Prometheus' families, as it is when it is asked."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._daemon = door.daemon

    def collect(self) -> Iterator[Metric]:
        """Every family, with its present values."""
        yield from self._whole()
        yield from self._api()
        services = self._daemon.services.list()
        yield from self._each(services)
        yield self._latency(services)
        yield from self._rest()

    def _whole(self) -> Iterator[Metric]:
        found, limits = totals(self._daemon), self._daemon.config.resources
        states = GaugeMetricFamily("fabricks_services_total", "Services by state.", labels=("state",))
        for state in SERVICE_STATES:
            states.add_metric((state,), found.states.get(state, 0))
        yield states
        for name, text, value in (
            ("fabricks_memory_used_bytes", "Memory of all services' guests.", found.memory),
            ("fabricks_memory_limit_bytes", "Memory that services may ask for together.", limits.max_memory_total),
            ("fabricks_cpu_used_cores", "Cores that all services use.", found.cpu),
            ("fabricks_cpu_limit_cores", "Cores that services may ask for together.", limits.max_cpu_total),
        ):
            yield GaugeMetricFamily(name, text, value=value)

    def _api(self) -> Iterator[Metric]:
        requests = self._door.requests
        counts = CounterMetricFamily(
            "fabricks_api_requests", "Requests that the API answered.", labels=("method", "endpoint")
        )
        for (method, endpoint), count in sorted(requests.counts.items()):
            counts.add_metric((method, endpoint), count)
        yield counts
        seconds = HistogramMetricFamily(
            "fabricks_api_request_duration_seconds", "How long the API took, streams apart.", labels=("endpoint",)
        )
        for endpoint, durations in sorted(requests.durations.items()):
            seconds.add_metric((endpoint,), durations.cumulative(), durations.sum)
        yield seconds
        yield CounterMetricFamily("fabricks_api_errors", "Answers of 400 and above.", value=requests.errors)
        yield GaugeMetricFamily("fabricks_api_streams", "Streams that are open.", value=self._door.streams)

    def _each(self, services: Sequence[Service]) -> Iterator[Metric]:
        replicas = _gauge("fabricks_service_replicas", "Replicas that run.")
        ready = _gauge("fabricks_service_replicas_healthy", "Replicas that are healthy.")
        memory = _gauge("fabricks_service_memory_bytes", "Linear memory of a service's guests.")
        cpu = _gauge("fabricks_service_cpu_cores", "Cores that a service uses.")
        in_flight = _gauge("fabricks_service_requests_in_flight", "Requests that guests have and have not answered.")
        queued = _gauge("fabricks_service_requests_queued", "Requests that wait for a replica.")
        requests = _counter("fabricks_service_requests", "Answers of a service by status class.", "class")
        traps = _counter("fabricks_service_traps", "Guests that trapped and were replaced.")
        dropped = _counter("fabricks_service_log_lines_dropped", "Log lines that are no longer kept.")
        for service in services:
            name, stats = (service.name,), self._daemon.services.stats(service.id)
            replicas.add_metric(name, stats.replicas.running)
            ready.add_metric(name, stats.replicas.healthy)
            memory.add_metric(name, stats.memory_usage)
            cpu.add_metric(name, stats.cpu_usage)
            in_flight.add_metric(name, stats.in_flight)
            queued.add_metric(name, stats.queued)
            traps.add_metric(name, stats.traps)
            dropped.add_metric(name, self._daemon.logs.of(service.id).dropped)
            for kind, count in sorted(stats.by_class.items()):
                requests.add_metric((service.name, kind), count)
        yield from (replicas, ready, memory, cpu, in_flight, queued, requests, traps, dropped)

    def _latency(self, services: Sequence[Service]) -> Metric:
        family = HistogramMetricFamily(
            "fabricks_service_request_duration_seconds", "From a request to its answer.", labels=("service",)
        )
        for service in services:
            route = self._daemon.router.find(service.id)
            if route is not None:
                sums = route.meter.sums()
                counts = [float(each) for each in accumulate(sums.latency)]
                buckets = list(zip((*map(str, BOUNDS), "+Inf"), counts, strict=True))
                family.add_metric((service.name,), buckets, sums.seconds)
        return family

    def _rest(self) -> Iterator[Metric]:
        counters = self._door.counters
        checks = _counter("fabricks_health_checks", "Health checks by result.", "result")
        for (service, result), count in sorted(self._daemon.health.checks.items()):
            checks.add_metric((service, result), count)
        scaled = _counter("fabricks_autoscale_events", "Times the scaler changed a service's replicas.", "direction")
        for (service, direction), count in sorted(counters.autoscaled.items()):
            scaled.add_metric((service, direction), count)
        crashes = _counter("fabricks_service_crashes", "Replicas that ended without having been asked to.")
        for service, count in sorted(counters.crashes.items()):
            crashes.add_metric((service,), count)
        events = CounterMetricFamily("fabricks_events", "Events that were published.", labels=("type",))
        for kind, count in sorted(counters.events.items()):
            events.add_metric((kind,), count)
        used = GaugeMetricFamily("fabricks_volume_used_bytes", "Bytes that a volume holds.", labels=("volume",))
        size = GaugeMetricFamily("fabricks_volume_size_bytes", "A volume's quota.", labels=("volume",))
        for volume in self._daemon.volumes.list():
            used.add_metric((volume.spec.name,), self._daemon.volumes.used(volume))
            size.add_metric((volume.spec.name,), volume.spec.size)
        yield from (checks, scaled, crashes, events, used, size)


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=("service",))


def _counter(name: str, text: str, *more: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, labels=("service", *more))


async def exposition(door: Door) -> bytes:
    """The page as it is now. What is counted is read on the loop, and written down in a thread."""
    families = _Taken(ServicesCollector(door).collect())
    return await asyncio.to_thread(_written, families)


class _Taken(Collector):
    """Families as they were at one time."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _written(families: _Taken) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(families)
    return generate_latest(registry)
