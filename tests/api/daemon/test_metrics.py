"""/metrics on its own port: every metric of the reference with its labels and its right type, true numbers."""

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.api.daemon.hosted import Hosted, hosted, short_folder

TYPES = {
    "fabricks_services_total": ("gauge", {"state"}),
    "fabricks_memory_used_bytes": ("gauge", set()),
    "fabricks_memory_limit_bytes": ("gauge", set()),
    "fabricks_cpu_used_cores": ("gauge", set()),
    "fabricks_cpu_limit_cores": ("gauge", set()),
    "fabricks_health_checks_total": ("counter", {"service", "result"}),
    "fabricks_api_requests_total": ("counter", {"method", "endpoint"}),
    "fabricks_api_request_duration_seconds": ("histogram", {"endpoint"}),
    "fabricks_service_replicas": ("gauge", {"service"}),
    "fabricks_autoscale_events_total": ("counter", {"service", "direction"}),
}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def scraped(port: int) -> dict[str, Metric]:
    """The page, as Prometheus reads it; counters under the name that they are printed with."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.getheader("content-type", "").startswith("text/plain; version=")
    text = answer.read().decode()
    connection.close()
    families = text_string_to_metric_families(text)
    return {f"{each.name}_total" if each.type == "counter" else each.name: each for each in families}


def value(family: Metric, **labels: str) -> float:
    return next(each.value for each in family.samples if labels.items() <= each.labels.items())


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[Hosted, int]]:
    """A daemon with a running service, asked a few times; and its metrics' port."""
    port = free_port()
    with (
        short_folder() as folder,
        hosted(
            folder,
            monitoring__prometheus_enabled="true",
            monitoring__prometheus_port=str(port),
            scaling__evaluation_interval="200ms",
            scaling__scale_up_cooldown="0s",
        ) as daemon,
    ):
        daemon.add_module("hello", "hello:1.0.0")
        check = {"type": "http", "path": "/health", "interval": "100ms"}
        replicas = {"min": 1, "max": 2, "cpu_threshold": 10}
        body = {"name": "api", "image": "hello:1.0.0", "networks": ["default"], "health_check": check}
        daemon.data("POST", "/services", {**body, "replicas": replicas}, status=201)
        daemon.data("POST", "/volumes", {"name": "data", "size": "1Mi"}, status=201)
        daemon.settled("api")
        yield daemon, port


@pytest.mark.reference(
    "metric *", "heading Metrics & Observability", "setting monitoring.prometheus_*", "says Metrics & Observability: *"
)
def test_every_metric_of_the_reference_is_there_with_its_type_and_labels(watched: tuple[Hosted, int]) -> None:
    daemon, port = watched
    while not scraped(port)["fabricks_autoscale_events_total"].samples:
        daemon.ask("GET", "/v1/services/api/proxy/spin?ms=100")
    found = scraped(port)
    for name, (kind, labels) in TYPES.items():
        family = found[name]
        assert family.type == kind, name
        assert family.samples, name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels, name


def test_the_numbers_are_those_of_the_daemon(watched: tuple[Hosted, int]) -> None:
    daemon, port = watched
    before = scraped(port)
    for _ in range(3):
        daemon.ask("GET", "/v1/services/api/proxy/nowhere")
        daemon.call("GET", "/nothing")
    after = scraped(port)

    def more(name: str, **labels: str) -> float:
        family = before[name]
        old = [each.value for each in family.samples if labels.items() <= each.labels.items()]
        return value(after[name], **labels) - (old[0] if old else 0)

    assert more("fabricks_api_requests_total", method="GET", endpoint="/services/{id}/proxy/{rest*}") == 3
    assert more("fabricks_api_requests_total", method="GET", endpoint="unknown") == 3
    assert more("fabricks_api_errors_total") == 6
    assert more("fabricks_service_requests_total", service="api", **{"class": "4xx"}) == 3
    assert value(after["fabricks_services_total"], state="running") == 1
    assert value(after["fabricks_services_total"], state="failed") == 0
    assert value(after["fabricks_memory_limit_bytes"]) == 8 * 1024**3
    assert value(after["fabricks_memory_used_bytes"]) > 0
    assert value(after["fabricks_health_checks_total"], service="api", result="success") > 0
    assert value(after["fabricks_volume_size_bytes"], volume="data") == 1024**2
    assert value(after["fabricks_events_total"], type="service.created") == 1


def test_nothing_else_answers_there(watched: tuple[Hosted, int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", watched[1], timeout=10)
    for path in ("/", "/v1/services", "/v1/daemon/info"):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 404
        answer.read()
    connection.close()


def test_a_port_that_is_taken_is_said_and_no_more(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with hosted(folder, monitoring__prometheus_enabled="true", monitoring__prometheus_port=port) as daemon:
            assert daemon.get("/daemon/info")
    assert "metrics_port_unusable" in capsys.readouterr().out


@pytest.mark.reference("setting monitoring.prometheus_enabled")
def test_metrics_that_are_off_are_off(folder: Path) -> None:
    port = free_port()
    with (
        hosted(folder, monitoring__prometheus_enabled="false", monitoring__prometheus_port=str(port)),
        pytest.raises(ConnectionRefusedError),
    ):
        scraped(port)
