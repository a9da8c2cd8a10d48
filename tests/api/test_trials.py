"""REST: what a person sets off by hand: test and invoke, with what they are given and how long they take."""

import asyncio
import time

import pytest

from catalog.artifacts import ArtifactRef
from catalog.events import Event
from tests.api.running import PREFIX, Running
from tests.engine.house import current


def connect(server: Running, name: str, *steps: object, source_event: str = "probe.thing.happened") -> str:
    """A new Connection; its id."""
    made = server.call("POST", "/connections", {"name": name, "source_event": source_event, "steps": steps})
    assert made.status == 201, made.content
    return str(made.body["id"])


def test_a_trial_without_a_payload_gets_the_last_events_artifact_too(server: Running) -> None:
    application = server.server.application
    organisation = server.get("/me")["organisation_id"]

    async def happen() -> ArtifactRef:
        picture = await application.artifacts.put(b"a picture", "image/jpeg")
        event = Event(
            id=application.clock.new_id(),
            organisation_id=organisation,
            type="cameras.event.motion",
            payload={"camera_id": "porch"},
            time=application.clock.now(),
            artifact=picture,
        )
        await application.engine.publish(event)
        return picture

    picture = server.run(happen())
    connect(server, "with-picture", {"operation_id": "probe.look", "params": {}}, source_event="cameras.event.motion")
    run = server.call("POST", "/connections/with-picture/test", {}).body
    assert run["event"]["artifact"]["sha256"] == picture.sha256
    assert run["steps"][0]["output"] == {"value": picture.sha256}


def test_a_trial_cannot_pretend_an_event_that_the_connection_does_not_begin_with(server: Running) -> None:
    connect(server, "pretender", {"operation_id": "fabric.log", "params": {}})
    reply = server.call(
        "POST", "/connections/pretender/test", {"payload": {}, "event_type": "controller.change.applied"}
    )
    assert (reply.status, reply.body["code"]) == (400, "EVENT_UNKNOWN")
    fine = server.call("POST", "/connections/pretender/test", {"payload": {}, "event_type": "probe.thing.happened"})
    assert fine.body["event"]["type"] == "probe.thing.happened"


def test_a_write_that_is_slow_to_plan_goes_on_and_is_asked_for_later(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = server.controller("slow-plan")
    monkeypatch.setattr("engine.trials.WAIT_SECONDS", 0.2)
    gate = current().gates["slow-plan"] = asyncio.Event()
    params = {"controller_id": target, "value": "slow-plan"}
    began = time.monotonic()
    server.loop.call_later(3.0, gate.set)
    reply = server.call("POST", "/operations/probe.set/invoke", {"params": params})
    assert (reply.status, reply.body["state"]) == (202, "running")
    assert time.monotonic() - began < 2.0
    path = reply.headers["location"].removeprefix(PREFIX)
    assert server.call("GET", path).status == 202
    server.loop.call_soon_threadsafe(gate.set)
    for _ in range(100):
        reply = server.call("GET", path)
        if reply.status == 200:
            break
    assert reply.body["staged"] is True
    assert server.get(f"/changes/{reply.body['change_id']}")["state"] == "pending"
