"""Writes to a daemon: planned with what is there, drifting when that moves, carried out once as they were shown."""

from collections.abc import Iterator

import pytest

from catalog.errors import Conflict, FabricError, Invalid, NotFound
from catalog.jsonvalue import Json
from catalog.operations import Write
from engine.redaction import hide_secrets
from tests.api.daemon.hosted import Hosted
from tests.api.daemon.operating import APPLIERS, REGISTRY, Operator

TOKEN = "a-token-that-nobody-may-see"

PROJECT = """
mortar_version = "1.0"
[project]
name = "planned"
version = "1.0.0"
[service.planned-web]
image = "wasm://hello:1.0.0"
networks = ["planned-net"]
environment = { MODE = "MODE_HERE" }
[network.planned-net]
internal = true
[volume.planned-data]
size = "1Mi"
"""


@pytest.fixture
def operator(running: Hosted) -> Operator:
    return Operator(running)


@pytest.fixture
def web(running: Hosted) -> Iterator[str]:
    """A service of two revisions: the second has another argument and no label."""
    made = running.data(
        "POST",
        "/services",
        {
            "name": "web",
            "image": "hello:1.0.0",
            "labels": {"tier": "front"},
            "environment": {"TOKEN": TOKEN, "MODE": "good"},
            "secrets": ["TOKEN"],
        },
        status=201,
    )
    running.settled("web")
    running.data("PATCH", "/services/web", {"environment": {"MODE": "bad"}, "labels": None, "args": ["--x"]})
    running.settled("web")
    yield made["id"]
    if running.daemon.services.find("web") is not None:
        running.remove("web")


def refused(kind: type[FabricError], code: str, operator: Operator, operation: str, **params: Json) -> FabricError:
    with pytest.raises(kind) as error:
        operator.plan(operation, **params)
    assert error.value.code == code
    return error.value


def test_a_rollback_shows_what_it_undoes_and_undoes_it(operator: Operator, web: str, running: Hosted) -> None:
    change = operator.plan("services.rollback", service="web")
    assert change.target_id == web
    assert change.before["environment"] == {"TOKEN": "********", "MODE": "bad"}
    assert change.after["environment"] == {"TOKEN": "********", "MODE": "good"}
    assert change.summary == (
        "Roll service `web` back from revision 2 to 1: changes `environment.MODE`, adds `labels.tier`, removes `args`."
    )
    assert operator.apply("services.rollback", change) == {"id": web, "revision": 3}
    spec = running.daemon.services.get("web").spec
    assert (spec.environment, spec.args, spec.labels) == ({"TOKEN": TOKEN, "MODE": "good"}, (), {"tier": "front"})


def test_a_rollback_sent_twice_is_one(operator: Operator, web: str, running: Hosted) -> None:
    change = operator.plan("services.rollback", service="web", revision=1)
    operator.apply("services.rollback", change)
    assert operator.drifted("services.rollback", change)
    again = running.data("POST", f"/services/{web}/rollback", change.request["body"])
    assert again["revision"] == 3


def test_what_somebody_else_changed_meanwhile_is_drift(operator: Operator, web: str, running: Hosted) -> None:
    rollback = operator.plan("services.rollback", service="web")
    scale = operator.plan("services.scale", service="web", replicas=3)
    stop = operator.plan("services.stop", service="web")
    delete = operator.plan("services.delete", service="web")
    create = operator.plan("services.create", name="web-2", image="hello:1.0.0")
    running.data("POST", "/services/web/scale", {"replicas": 2})
    assert operator.drifted("services.scale", scale)
    assert not operator.drifted("services.rollback", rollback)
    running.data("POST", "/services/web/stop", {"force": True})
    assert operator.drifted("services.stop", stop)
    assert not operator.drifted("services.delete", delete)
    running.data("PATCH", "/services/web", {"args": ["--y"]})
    assert operator.drifted("services.rollback", rollback)
    assert operator.drifted("services.delete", delete)
    running.remove("web")
    assert operator.drifted("services.delete", delete)
    running.data("POST", "/services", {"name": "web-2", "image": "hello:1.0.0"}, status=201)
    try:
        assert operator.drifted("services.create", create)
    finally:
        running.remove("web-2")


def test_an_update_shows_its_difference_and_no_secret(operator: Operator, web: str, running: Hosted) -> None:
    change = operator.plan(
        "services.update",
        service="web",
        environment={"MODE": None, "LEVEL": "3"},
        secret_environment={"PASSWORD": "never-shown-either"},
        labels={"tier": "back"},
    )
    assert change.after["environment"] == {"TOKEN": "********", "LEVEL": "3", "PASSWORD": "******** (new)"}
    assert change.after["secrets"] == ["PASSWORD", "TOKEN"]
    assert "adds `environment.LEVEL`, `environment.PASSWORD`, `labels.tier`, removes `env" in change.summary
    shown = hide_secrets(change.request, change.hidden)
    for visible in (change.before, change.after, change.summary, shown):
        assert "never-shown-either" not in str(visible)
        assert TOKEN not in str(visible)
    assert change.request["body"]["environment"]["PASSWORD"] == "never-shown-either"
    operator.apply("services.update", change)
    spec = running.daemon.services.get("web").spec
    assert spec.environment == {"TOKEN": TOKEN, "LEVEL": "3", "PASSWORD": "never-shown-either"}
    assert set(spec.secrets) == {"TOKEN", "PASSWORD"}


def test_an_update_that_changes_nothing_or_cannot_be_is_not_staged(operator: Operator, web: str) -> None:
    refused(Invalid, "NO_CHANGE", operator, "services.update", service="web", args=["--x"])
    refused(Invalid, "INVALID_REQUEST", operator, "services.update", service="web", ports=[{"host": 0, "container": 1}])
    refused(NotFound, "SERVICE_NOT_FOUND", operator, "services.update", service="nobody", args=[])
    no = refused(NotFound, "REVISION_NOT_FOUND", operator, "services.rollback", service="web", revision=7)
    assert no.hint == "It has 1, 2, of which the last holds."
    refused(Conflict, "SERVICE_ALREADY_EXISTS", operator, "services.create", name="web", image="hello:1.0.0")


def test_a_service_is_created_scaled_stopped_started_restarted_and_deleted(operator: Operator, running: Hosted) -> None:
    create = operator.plan(
        "services.create",
        name="made",
        image="hello:1.0.0",
        secret_environment={"KEY": TOKEN},
        resources={"memory": "32Mi"},
        health_check={"type": "http"},
        restart_policy={"policy": "always"},
    )
    assert create.before is None
    assert create.after["environment"] == {"KEY": "******** (new)"}
    assert TOKEN not in str([create.after, create.summary, hide_secrets(create.request, create.hidden)])
    made = operator.apply("services.create", create)
    assert running.daemon.services.get("made").spec.environment == {"KEY": TOKEN}
    running.settled("made")
    scale = operator.plan("services.scale", service="made", replicas=2)
    assert (scale.before, scale.after) == ({"replicas": 1}, {"replicas": 2})
    assert operator.apply("services.scale", scale) == {"id": made["id"], "previous_replicas": 1, "new_replicas": 2}
    running.settled("made")
    restart = operator.plan("services.restart", service="made", timeout="1s")
    assert sorted(restart.before["started"]) == [f"{made['id']}-0", f"{made['id']}-1"]
    assert operator.apply("services.restart", restart)["instances_restarted"] == 2
    stop = operator.plan("services.stop", service="made", force=True)
    assert (stop.before, stop.after) == ({"state": "running"}, {"state": "stopped"})
    assert operator.apply("services.stop", stop)["state"] == "stopped"
    start = operator.plan("services.start", service="made")
    assert start.before == {"state": "stopped"}
    assert operator.apply("services.start", start)["state"] in ("starting", "running")
    delete = operator.plan("services.delete", service="made", force=True)
    assert (delete.before["image"], delete.after) == ("hello:1.0.0", None)
    assert operator.apply("services.delete", delete)["id"] == made["id"]
    assert running.daemon.services.find("made") is None


def test_a_module_is_run_as_a_service(operator: Operator, running: Hosted) -> None:
    change = operator.plan("services.run_module", reference="hello:1.0.0", environment={"A": "b"}, args=["--z"])
    assert change.precondition["module"].startswith("sha256:")
    made = operator.apply("services.run_module", change)
    try:
        spec = running.daemon.services.get(made["id"]).spec
        assert (spec.environment, spec.args) == ({"A": "b"}, ("--z",))
    finally:
        running.remove(made["id"])


def test_what_cannot_be_is_not_staged(operator: Operator, web: str) -> None:
    for operation, params in (
        ("services.create", {"name": "new", "image": "nothing:1.0.0"}),
        ("services.update", {"service": "web", "image": "nothing:1.0.0"}),
        ("services.run_module", {"reference": "nothing:1.0.0"}),
    ):
        refused(NotFound, "MODULE_NOT_FOUND", operator, operation, **params)
    said = refused(Conflict, "INVALID_STATE", operator, "services.start", service="web")
    assert said.message == "Service `web` is running: it cannot be asked to start."
    stop = operator.plan("services.stop", service="web", force=True)
    operator.apply("services.stop", stop)
    refused(Conflict, "INVALID_STATE", operator, "services.stop", service="web")
    assert operator.plan("services.start", service="web").after == {"state": "running"}
    refused(Invalid, "INVALID_REQUEST", operator, "networks.create", name="..")
    refused(Invalid, "INVALID_REQUEST", operator, "volumes.create", name="A volume", size="1Mi")
    refused(Invalid, "INVALID_REQUEST", operator, "volumes.create", name="v", size="1Mi", backup={"schedule": "never"})


def test_the_module_that_is_applied_is_the_one_that_was_shown(operator: Operator, web: str, running: Hosted) -> None:
    running.add_module("hello", "moving:1.0.0")
    digest = running.get("/modules/moving:1.0.0")["digest"]
    changes = {
        "services.create": operator.plan("services.create", name="new", image="wasm://moving:1.0.0"),
        "services.update": operator.plan("services.update", service="web", image="moving:1.0.0"),
        "services.run_module": operator.plan("services.run_module", reference="moving:1.0.0"),
    }
    pinned = operator.plan("services.create", name="new", image=digest)
    assert [each.precondition["module"] for each in (*changes.values(), pinned)] == [digest] * 4
    assert not any(operator.drifted(name, each) for name, each in changes.items())
    running.add_module("greeter", "moving:1.0.0")
    assert all(operator.drifted(name, each) for name, each in changes.items())
    assert not operator.drifted("services.create", pinned)


def test_networks_and_volumes_come_and_go(operator: Operator, running: Hosted) -> None:
    network = operator.plan("networks.create", name="cut-off", isolated=True, egress=["default"])
    assert (network.before, network.after["isolated"]) == (None, True)
    made = operator.apply("networks.create", network)
    assert running.daemon.networks.get("cut-off").spec.isolated
    assert operator.drifted("networks.create", network)
    refused(Conflict, "INVALID_STATE", operator, "networks.create", name="cut-off")
    gone = operator.plan("networks.delete", network="cut-off")
    assert gone.before["id"] == made["id"]
    assert operator.apply("networks.delete", gone)["id"] == made["id"]
    assert operator.drifted("networks.delete", gone)
    volume = operator.plan("volumes.create", name="box", size="2Mi")
    operator.apply("volumes.create", volume)
    refused(Conflict, "INVALID_STATE", operator, "volumes.create", name="box", size="1Mi")
    removal = operator.plan("volumes.delete", volume="box")
    kept = "backups without a destination go with it"
    assert removal.summary == f"Delete volume `box` with 0B in it, which 0 services have mounted; {kept}."
    operator.apply("volumes.delete", removal)
    refused(NotFound, "VOLUME_NOT_FOUND", operator, "volumes.delete", volume="box")


def test_a_project_is_deployed_changed_and_taken_down(operator: Operator, running: Hosted) -> None:
    text = PROJECT.replace("MODE_HERE", "one")
    change = operator.plan("mortar.deploy", mortar=text, build=False)
    assert change.before is None
    assert set(change.after["services"]) == {"planned-web"}
    assert change.after["volumes"]["planned-data"]["size"] == "1Mi"
    assert operator.apply("mortar.deploy", change)["services_created"] == 1
    refused(Invalid, "NO_CHANGE", operator, "mortar.deploy", mortar=text, build=False)
    again = operator.plan("mortar.deploy", mortar=text.replace('"one"', '"two"'), build=False)
    assert again.summary == "Deploy project `planned`: changes `services.planned-web.environment.MODE`."
    down = operator.plan("mortar.undeploy", project="planned", remove_volumes=True)
    assert operator.apply("mortar.deploy", again)["services_updated"] == 1
    assert operator.drifted("mortar.undeploy", down)
    down = operator.plan("mortar.undeploy", project="planned", remove_volumes=True)
    assert (set(down.before["services"]), down.after) == ({"planned-web"}, None)
    assert operator.apply("mortar.undeploy", down)["volumes_removed"] == 1
    assert operator.drifted("mortar.undeploy", down)
    refused(NotFound, "PROJECT_NOT_FOUND", operator, "mortar.undeploy", project="planned")
    wrong = refused(Invalid, "INVALID_REQUEST", operator, "mortar.deploy", mortar=text.replace('planned-net"', 'no"'))
    assert "no" in wrong.message
    assert running.daemon.volumes.find("planned-data") is None


def test_what_waits_for_guests_says_that_it_takes_long() -> None:
    for name in ("services.stop", "services.restart", "services.delete", "mortar.undeploy"):
        assert APPLIERS.entry(name).seconds >= 800, "twenty replicas one after the other, ten seconds and thirty each"
    assert APPLIERS.entry("mortar.deploy").seconds > APPLIERS.entry("mortar.undeploy").seconds
    assert APPLIERS.entry("services.scale").seconds == 60


def test_each_write_has_code_and_its_modules_permission() -> None:
    catalog = REGISTRY.current()
    wanted = {
        *(f"services.{verb}" for verb in ("create", "update", "rollback", "scale", "start", "stop", "restart")),
        *("services.delete", "services.run_module", "networks.create", "networks.delete"),
        *("volumes.create", "volumes.delete", "mortar.deploy", "mortar.undeploy"),
    }
    for name in wanted:
        assert isinstance(REGISTRY.get_code(name), Write)
        assert catalog.operations[name].write
        assert catalog.operations[name].permission == f"{name.partition('.')[0]}.manage"
