"""What happens at the daemon fires Connections: each event once, with its payload, and over a crash of the engine."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.daemon.forwarding import Forwarding, event_id
from catalog.daemons import LOCAL_DAEMON
from catalog.events import Event
from catalog.jsonvalue import Json
from catalog.schemas import validator
from runtime.daemon.events import EVENT_TYPES, DaemonEvent
from runtime.providers.runtime import PAYLOADS, PREFIX
from tests.api.daemon.hosted import configured, short_folder
from tests.api.daemon.operating import REGISTRY
from tests.api.running import Running, running

SECONDS = 15.0

TOLD = {
    "name": "told",
    "source_event": "runtime.network.created",
    "steps": [
        {
            "operation_id": "fabric.log",
            "params": {"message": "{{trigger.event_id}} at {{trigger.controller_id}}"},
        }
    ],
}


def connect(server: Running, connection: Json) -> None:
    made = server.call("POST", "/connections", connection)
    assert made.status == 201, made.content


def until(look: Callable[[], Json]) -> Json:
    end = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def runs(server: Running) -> Json:
    return [server.get(f"/runs/{each['id']}") for each in server.get("/runs")["items"]]


def ended(server: Running, count: int = 1) -> Json:
    def look() -> Json:
        found = runs(server)
        return found if sum(bool(each["ended_at"]) for each in found) >= count else None

    return until(look)


def create_network(server: Running, name: str) -> None:
    daemon = server.server.services
    assert daemon is not None
    server.run(daemon.inside.ask("POST", "networks", body={"name": name}))


def test_every_type_of_the_daemon_is_in_the_catalog_and_no_other() -> None:
    assert tuple(PAYLOADS) == EVENT_TYPES
    events = REGISTRY.current().events
    assert {each for each in events if each.startswith(PREFIX)} == {f"{PREFIX}{each}" for each in EVENT_TYPES}


def test_an_event_fires_a_connection_with_the_payload_of_its_schema() -> None:
    with short_folder() as folder, running(folder / "f", services=configured(folder)[0]) as server:
        connect(server, TOLD)
        create_network(server, "fires")
        (run,) = ended(server)
        event = next(each for each in server.get("/events")["items"] if each["type"] == "runtime.network.created")
        payload = event["payload"]
        assert (payload["name"], payload["controller_id"]) == ("fires", LOCAL_DAEMON)
        assert validator(REGISTRY.current().events[event["type"]].payload_schema)(payload)
        assert run["steps"][0]["params"]["message"] == f"{payload['event_id']} at {LOCAL_DAEMON}"
        _same_again_fires_nothing(server)


def _same_again_fires_nothing(server: Running) -> None:
    hosting, forwarding = server.server.services, server.server._forwarding
    assert hosting is not None
    assert forwarding is not None
    told = [each for each in hosting.daemon.events.history()[0] if each.type == "network.created"]
    server.run(forwarding.send(told))
    create_network(server, "another")
    assert len(ended(server, 2)) == 2


def test_what_was_raised_before_a_crash_of_the_engine_fires_after_it() -> None:
    with short_folder() as folder, short_folder() as later:
        with running(folder / "f", services=configured(folder)[0]) as server:
            connect(server, TOLD)
            forwarding = server.server._forwarding
            assert forwarding is not None
            forwarding.close()  # the engine hangs: it takes nothing any more
            create_network(server, "before-the-crash")
            hosting = server.server.services
            assert hosting is not None
            until(lambda: hosting.daemon.state.load("outbox"))
            assert runs(server) == []
            # What the disk holds at this moment is what a kill -9 leaves.
            shutil.copytree(folder, later, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock", "*.pid"))
        with running(later / "f", services=configured(later)[0]) as again:
            (run,) = ended(again)
            assert run["state"] == "succeeded"
            restarted = again.server.services
            assert restarted is not None
            until(lambda: not restarted.daemon.state.load("outbox"))


def test_an_event_that_is_refused_for_ever_keeps_none_behind_it(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        (controller,) = server.run(server.server.application.store.find_controllers([LOCAL_DAEMON]))
        forwarding = Forwarding(server.server.application.intake, controller)
        forwarding.open()
        told = [_told("network.created", number, {"id": "n", "name": f"n{number}"}) for number in range(3)]
        elsewhere = Event(id=event_id(LOCAL_DAEMON, told[1]), organisation_id="another", type="x", payload={}, time=0.0)
        server.run(server.server.application.intake.publish(elsewhere))
        server.run(forwarding.send(told))
        kept = [each["payload"]["name"] for each in server.get("/events")["items"]]
        assert sorted(kept) == ["n0", "n2"]


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_whatever_the_daemon_tells_of_a_type_fits_its_schema(kind: str, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        (controller,) = server.run(server.server.application.store.find_controllers([LOCAL_DAEMON]))
        forwarding = Forwarding(server.server.application.intake, controller)
        forwarding.open()
        told = [_told(kind, number, data) for number, data in enumerate(DATA[kind])]
        server.run(forwarding.send([*told, *told]))
        kept = {each["id"]: each for each in server.get("/events")["items"]}
        assert set(kept) == {event_id(LOCAL_DAEMON, each) for each in told}
        schema = REGISTRY.current().events[f"{PREFIX}{kind}"].payload_schema
        for each in kept.values():
            assert validator(schema)(each["payload"]), json.dumps(each["payload"])
            assert set(each["payload"]) == set(schema["properties"])


def _told(kind: str, number: int, data: dict[str, Json]) -> DaemonEvent:
    service_id = data.pop("service_id", None)
    return DaemonEvent(
        seq=number + 1, id=f"event-{number}", type=kind, service_id=service_id, data=data, time_ns=10**18
    )


_EXIT = {"code": -9, "trap": None}
DATA: dict[str, list[dict[str, Json]]] = {
    "service.created": [{"service_id": "a-1", "name": "a"}],
    "service.started": [{"service_id": "a-1", "name": "a", "instance": "a-1-0"}],
    "service.stopped": [
        {"service_id": "a-1", "name": "a", "instance": "a-1-0", "exit": _EXIT},
        {"service_id": "a-1", "name": "a", "instance": "a-1-0", "exit": {"code": 1, "trap": "oom"}, "reason": "oom"},
        {"service_id": "a-1", "name": "a", "reason": "the daemon was ended"},
    ],
    "service.failed": [
        {"service_id": "a-1", "name": "a", "reason": "r", "instance": "a-1-0", "exit": _EXIT, "restarts": 3},
        {"service_id": "a-1", "name": "a", "reason": "r", "instance": "a-1-0", "exit": None, "restarts": 0},
        {"service_id": "a-1", "name": "a", "reason": "no module"},
    ],
    "service.scaled": [
        {"service_id": "a-1", "name": "a", "previous_replicas": 1, "new_replicas": 2, "cause": "cpu 90 %"}
    ],
    "health.changed": [
        {"service_id": "a-1", "name": "a", "instance": "a-1-0", "health": "unhealthy", "previous": "healthy"},
        {"service_id": "a-1", "name": None, "instance": "a-1-0", "health": "healthy", "previous": "starting"},
    ],
    "network.created": [{"id": "network-1", "name": "n"}],
    "volume.created": [{"id": "volume-1", "name": "v"}],
    "policy.violated": [
        {"service_id": None, "policy": "p", "rule": "deny", "from": "a", "to": "b", "reason": "r", "mode": "audit",
         "count": 7},
        {"policy": "p", "rule": "deny", "from": "a", "to": "*", "reason": "r", "mode": "enforce", "brand_new": 1},
    ],
}  # fmt: skip
