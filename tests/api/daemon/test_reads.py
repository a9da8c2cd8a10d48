"""Reads about a daemon: what they give fits their schemas, whatever the daemon holds."""

from collections.abc import Iterator
from typing import get_args

import pytest

from catalog.daemons import DRIVER, LOCAL_DAEMON
from catalog.errors import NotFound, TargetFailed, Unavailable, Unsupported
from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.provider import Target
from runtime.daemon.events import EVENT_TYPES
from runtime.daemon.services.records import SERVICE_STATES, Health, InstanceState
from runtime.forms.workload import ModuleType
from runtime.providers.daemons import daemon_of, told
from runtime.providers.events import EventType
from runtime.providers.services import shapes
from runtime.providers.services.reads import TEXT_MOST
from tests.api.daemon.hosted import Hosted
from tests.api.daemon.operating import REGISTRY, Operator
from tests.fakes.ports import FakePorts

SHOP = """
mortar_version = "1.0"
[project]
name = "tiny"
version = "1.0.0"
[service.tiny-web]
image = "wasm://hello:1.0.0"
networks = ["tiny-net"]
[network.tiny-net]
internal = true
"""


@pytest.fixture(scope="module")
def operator(running: Hosted) -> Iterator[Operator]:
    """A daemon with a project, a service with everything, one that cannot start, and a volume."""
    running.data("POST", "/volumes", {"name": "reads", "size": "1Mi"}, status=201)
    full: Json = {
        "name": "full",
        "image": "hello:1.0.0",
        "networks": ["default"],
        "environment": {"TOKEN": "hidden-from-all", "PLAIN": "seen"},
        "secrets": ["TOKEN"],
        "args": ["--loud"],
        "volumes": ["reads:/data"],
        "labels": {"team": "a"},
        "health_check": {"type": "http", "path": "/"},
        "restart_policy": {"policy": "always", "max_attempts": 3, "backoff": "1s"},
        "resources": {"memory": "32Mi", "cpu": 0.5},
        "replicas": {"min": 1, "max": 2, "cpu_threshold": 80},
    }
    running.data("POST", "/services", full, status=201)
    running.data("POST", "/services", {"name": "waits", "image": "hello:1.0.0", "depends_on": ["ghost"]}, status=201)
    running.data("POST", "/mortar/deploy", {"mortar": SHOP, "build": False})
    running.settled("full")
    yield Operator(running)
    for name in ("full", "waits"):
        running.remove(name)
    running.data("POST", "/mortar/undeploy", {"project_name": "tiny"})
    running.data("DELETE", "/volumes/reads")


def test_services_are_listed_as_asked_for(operator: Operator) -> None:
    found = operator.read("services.list")
    assert {"full", "waits", "tiny-web"} <= {each["name"] for each in found["services"]}
    assert [each["name"] for each in operator.read("services.list", label="team=a")["services"]] == ["full"]
    assert [each["name"] for each in operator.read("services.list", network="tiny-net")["services"]] == ["tiny-web"]
    assert "waits" not in {each["name"] for each in operator.read("services.list", state="running")["services"]}
    first = operator.read("services.list", limit=1)
    assert (len(first["services"]), first["truncated"], first["total"]) == (1, True, found["total"])


def test_a_service_is_shown_without_its_secrets(operator: Operator) -> None:
    shown = operator.read("services.get", service="full")
    assert (shown["state"], shown["health"], shown["replicas"]["healthy"]) == ("running", "healthy", 1)
    assert shown["environment"] == {"TOKEN": "********", "PLAIN": "seen"}
    assert shown["health_check"]["path"] == "/"
    assert shown["volumes"] == [{"source": "reads", "target": "/data", "read_only": False}]
    assert operator.read("services.get", service="waits")["state"] == "pending"


def test_figures_health_networks_volumes_and_projects_are_shown(operator: Operator) -> None:
    stats = operator.read("services.stats", service="full")
    assert stats["stats"]["memory"]["limit"] == 32 * 1024 * 1024
    assert operator.read("services.health", service="full")["instances"][0]["health"] == "healthy"
    assert "default" in {each["name"] for each in operator.read("networks.list")["networks"]}
    assert operator.read("networks.get", network="tiny-net")["services"][0]["name"] == "tiny-web"
    assert operator.read("volumes.list")["volumes"][0]["mount_count"] == 1
    assert operator.read("volumes.get", volume="reads")["mounted_by"][0]["mount_point"] == "/data"
    assert operator.read("mortar.status", project="tiny")["services"]["total"] == 1
    assert operator.read("daemon.info")["api_version"] == "v1"
    assert operator.read("daemon.stats")["services"]["total"] >= 3


def test_what_happened_is_listed_newest_first(operator: Operator) -> None:
    found = operator.read("events.history", types=["service.created", "volume.created"], limit=2)
    assert len(found["events"]) == 2
    assert found["total"] > 2
    of_full = operator.read("events.history", service="full", types=["service.created"])
    assert [each["data"]["name"] for each in of_full["events"]] == ["full"]


def test_lines_are_the_newest_that_have_room(operator: Operator, running: Hosted) -> None:
    log = running.daemon.logs.of(running.daemon.services.get("waits").id)
    for number in range(200):
        log.feed("waits-1", "stderr", f"{number:03} {'x' * 2000}\n".encode())
    found = operator.read("services.logs", service="waits", tail=150)
    assert found["truncated"]
    assert found["count"] == len(found["entries"]) < 60
    assert found["entries"][-1]["message"].startswith("199 ")
    assert TEXT_MOST * 0.9 < len(found["text"]) <= TEXT_MOST
    few = operator.read("services.logs", service="waits", tail=2, stream="stderr", instance="waits-1")
    assert [each["message"][:3] for each in few["entries"]] == ["198", "199"]
    assert not few["truncated"]


def test_what_is_not_there_is_not_found(operator: Operator) -> None:
    with pytest.raises(NotFound) as refused:
        operator.read("services.get", service="nobody")
    assert refused.value.code == "SERVICE_NOT_FOUND"


def target(**facts: Json) -> Target:
    given: dict[str, Json] = {"id": "c", "driver": DRIVER, "settings": {}, **facts}
    return Target(organisation_id="o", site_id="s", **given)


@pytest.mark.parametrize(
    ("where", "kind", "code"),
    [
        (target(driver="local"), Unsupported, "DRIVER_MISSING"),
        (target(id=LOCAL_DAEMON), Unavailable, "SERVICES_UNAVAILABLE"),
        (target(), TargetFailed, "DAEMON_SETTINGS"),
        (target(settings={"socket": "relative.sock"}), TargetFailed, "DAEMON_SETTINGS"),
        (target(settings={"socket": "/a", "address": "http://b"}), TargetFailed, "DAEMON_SETTINGS"),
    ],
)
def test_a_target_that_is_no_daemon_says_why(where: Target, kind: type[Exception], code: str) -> None:
    with pytest.raises(kind) as refused:
        daemon_of(FakePorts().call("services.list", target=where))
    assert getattr(refused.value, "code", None) == code


def test_an_answer_of_a_newer_daemon_is_taken_without_what_is_new() -> None:
    row = {"id": "a", "desired": 1, "running": 1, "healthy": 1, "brand_new": {"x": 1}}
    found = told({**row}, shapes.Replicas)
    assert found == shapes.Replicas(desired=1, running=1, healthy=1)
    with pytest.raises(TargetFailed) as refused:
        told({"desired": 1}, shapes.Replicas)
    assert refused.value.code == "DAEMON_ANSWER"


def test_the_words_of_the_schemas_are_the_daemons() -> None:
    assert get_args(shapes.State) == SERVICE_STATES
    assert get_args(shapes.InstanceState) == get_args(InstanceState)
    assert get_args(shapes.Health) == get_args(Health)
    assert get_args(shapes.ModuleType) == get_args(ModuleType)
    assert get_args(EventType) == EVENT_TYPES


def test_each_read_has_code_and_its_modules_permission() -> None:
    catalog = REGISTRY.current()
    wanted = {
        *(f"services.{verb}" for verb in ("list", "get", "logs", "stats", "health")),
        *("networks.list", "networks.get", "volumes.list", "volumes.get"),
        *("mortar.status", "daemon.info", "daemon.stats", "events.history"),
    }
    for name in wanted:
        assert isinstance(REGISTRY.get_code(name), Read)
        assert catalog.operations[name].permission == f"{name.partition('.')[0]}.view"
