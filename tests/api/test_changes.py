"""Invoking, staging and applying over HTTP."""

import pytest

from catalog.jsonvalue import Json
from tests.api.running import PREFIX, Running, running
from tests.api.test_routes import problem
from tests.engine.house import current


@pytest.fixture(scope="module")
def target(server: Running) -> str:
    """A controller that changes are staged for."""
    return server.controller("target")


def stage(server: Running, target: str, value: Json, **credential: str) -> Json:
    current().state = "before"
    reply = server.call(
        "POST", "/operations/probe.set/invoke", {"params": {"controller_id": target, "value": value}}, **credential
    )
    assert reply.status == 200, reply.content
    return server.get(f"/changes/{reply.body['change_id']}")


def apply_word(change: Json, **more: Json) -> Json:
    return {"force": True, "digest": change["digest"], **more}


def test_a_read_answers_now(server: Running) -> None:
    reply = server.call("POST", "/operations/probe.echo/invoke", {"params": {"value": 5}})
    assert (reply.status, reply.body) == (200, {"output": {"value": 5}, "artifact": None})


def test_a_read_with_a_picture_gives_its_proof_and_not_its_token(server: Running) -> None:
    reply = server.call("POST", "/operations/probe.picture/invoke", {"params": {"value": 1}})
    assert reply.body["artifact"].keys() == {"sha256", "size", "media_type"}


def test_a_write_only_stages(server: Running, target: str) -> None:
    current().state = "before"
    params = {"controller_id": target, "value": "staged"}
    reply = server.call("POST", "/operations/probe.set/invoke", {"params": params})
    change_id = reply.body["change_id"]
    assert reply.body == {
        "staged": True,
        "change_id": change_id,
        "staged_change_id": change_id,
        "feature": "probe.set",
    }
    assert reply.headers["location"] == f"{PREFIX}/changes/{change_id}"
    change = server.get(f"/changes/{change_id}")
    assert (change["state"], change["before"], change["after"]) == ("pending", "before", "staged")
    assert change["request"] == {"value": "staged"}
    assert current().state == "before"


@pytest.mark.parametrize(
    ("operation", "params", "status", "code"),
    [
        ("no.such", {}, 404, "OP_UNKNOWN"),
        ("cameras.snapshot", {}, 400, "PARAM_REQUIRED"),
        ("plugin.probe.read", {}, 501, "DRIVER_MISSING"),
        ("probe.set", {}, 400, "NO_TARGET"),
        ("probe.set", {"controller_id": "x"}, 400, "BAD_TARGET"),
        ("probe.set", {"controller_id": "3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01"}, 403, "CROSS_TENANT_TARGET"),
        ("probe.echo", {"nobody": "knows"}, 400, "PARAM_UNKNOWN_FIELD"),
    ],
)
def test_a_callers_own_mistake_is_never_the_servers(
    server: Running, operation: str, params: Json, status: int, code: str
) -> None:
    reply = server.call("POST", f"/operations/{operation}/invoke", {"params": params})
    assert problem(reply, status)["code"] == code


def test_what_the_outside_does_wrong_is_not_the_callers(server: Running) -> None:
    from tests.engine.house import flaky

    current().failures["outside"] = flaky(1)
    reply = server.call("POST", "/operations/probe.echo/invoke", {"params": {"value": "outside"}})
    assert problem(reply, 502)["code"] == "TARGET_FAILED"


def test_invoking_takes_the_operations_permission_and_a_sink_an_unscoped_admin(server: Running) -> None:
    _, viewer = server.person("invoke-viewer", "viewer")
    echo = server.call("POST", "/operations/probe.echo/invoke", {"params": {}}, token=viewer)
    assert problem(echo, 403)["code"] == "PERMISSION_DENIED"
    log = server.call("POST", "/operations/fabric.log/invoke", {"params": {"message": "x"}}, token=viewer)
    assert problem(log, 403)["code"] == "ADMIN_REQUIRED"
    assert server.call("POST", "/operations/fabric.log/invoke", {"params": {"message": "x"}}).status == 200


def test_a_person_applies_what_he_was_shown(server: Running, target: str) -> None:
    change = stage(server, target, "applied")
    done = server.call("POST", f"/changes/{change['id']}/apply", apply_word(change))
    assert (done.status, done.body["state"]) == (200, "applied")
    assert done.body["decided_by"] == server.get("/me")["id"]
    assert current().state == "applied"
    again = server.call("POST", f"/changes/{change['id']}/apply", apply_word(change))
    assert problem(again, 409)["code"] == "CHANGE_STATE"


def test_applying_takes_force_and_the_digest_shown(server: Running, target: str) -> None:
    change = stage(server, target, "forced")
    path = f"/changes/{change['id']}/apply"
    assert problem(server.call("POST", path, apply_word(change, force=False)), 403)["code"] == "FORCE_REQUIRED"
    stale = server.call("POST", path, apply_word(change, digest="0" * 64))
    assert problem(stale, 409)["code"] == "CHANGE_STALE"
    assert problem(server.call("POST", path, {"force": True}), 400)["code"] == "BODY_INVALID"
    assert problem(server.call("POST", path, apply_word(change, digest="x")), 400)["code"] == "BODY_INVALID"
    assert server.get(f"/changes/{change['id']}")["state"] == "pending"


@pytest.mark.promise("W1")
def test_no_machine_and_nobody_without_the_permission_applies(server: Running, target: str) -> None:
    change = stage(server, target, "refused")
    server.call("PUT", "/roles/setter", {"permissions": ["probe.set"]})
    people = [server.person(f"apply-{role}", role)[1] for role in ("viewer", "operator", "setter")]
    for action, body in (("apply", apply_word(change)), ("reject", {})):
        path = f"/changes/{change['id']}/{action}"
        assert problem(server.call("POST", path, body, key=server.issue()), 403)["code"] == "PERSON_REQUIRED"
        for token in people:
            assert problem(server.call("POST", path, body, token=token), 403)["code"] == "PERMISSION_DENIED"
    assert server.get(f"/changes/{change['id']}")["state"] == "pending"


def test_a_read_only_controller_and_a_read_only_server_apply_nothing(
    server: Running, tmp_path_factory: pytest.TempPathFactory
) -> None:
    guarded = server.controller("guarded")
    change = stage(server, guarded, "read only")
    server.call("PATCH", f"/controllers/{guarded}", {"read_only": True})
    reply = server.call("POST", f"/changes/{change['id']}/apply", apply_word(change))
    assert problem(reply, 403)["code"] == "READ_ONLY"
    with running(tmp_path_factory.mktemp("read-only"), adapter_read_only=True) as other:
        change = stage(other, other.controller("any"), "read only")
        reply = other.call("POST", f"/changes/{change['id']}/apply", apply_word(change))
        assert problem(reply, 403)["code"] == "READ_ONLY"


def test_a_target_that_moved_is_sent_nothing_and_the_difference_is_told(server: Running, target: str) -> None:
    change = stage(server, target, "drift")
    current().state = "moved"
    body = problem(server.call("POST", f"/changes/{change['id']}/apply", apply_word(change)), 409)
    assert body["code"] == "CHANGE_DRIFTED"
    assert body["drift"] == {"planned_against": "before", "present": "moved"}
    assert server.get(f"/changes/{change['id']}")["state"] == "drifted"
    assert current().state == "moved"


def test_a_rejected_change_is_rejected_for_good(server: Running, target: str) -> None:
    change = stage(server, target, "rejected")
    done = server.call("POST", f"/changes/{change['id']}/reject", {"note": "wrong value"})
    assert (done.status, done.body["state"], done.body["note"]) == (200, "rejected", "wrong value")
    reply = server.call("POST", f"/changes/{change['id']}/apply", apply_word(change))
    assert problem(reply, 409)["code"] == "CHANGE_STATE"


def test_changes_are_listed_by_state(server: Running, target: str) -> None:
    change = stage(server, target, "listed")
    assert change["id"] in [each["id"] for each in server.get("/changes?state=pending&limit=200")["items"]]
    assert change["id"] not in [each["id"] for each in server.get("/changes?state=applied&limit=200")["items"]]


def test_who_may_decide_sees_the_change_and_others_see_that_there_is_one(server: Running, target: str) -> None:
    change = stage(server, target, "canary-change")
    server.call("PUT", "/roles/decider", {"permissions": ["probe.set", "changes.apply"]})
    _, decider = server.person("decider", "decider")
    _, viewer = server.person("change-viewer", "viewer")
    assert server.get(f"/changes/{change['id']}", token=decider)["request"] == {"value": "canary-change"}
    seen = server.call("GET", f"/changes/{change['id']}", token=viewer)
    assert seen.body["redacted"] is True
    assert seen.body["request"] == {"__redacted__": "hidden - author-only"}
    assert b"canary" not in seen.content
    done = server.call("POST", f"/changes/{change['id']}/apply", apply_word(change), token=decider)
    assert done.body["state"] == "applied"


def test_a_slow_read_goes_on_and_is_asked_for_later(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr("engine.trials.WAIT_SECONDS", 0.2)
    gate = current().gates["slow"] = asyncio.Event()
    reply = server.call("POST", "/operations/probe.echo/invoke", {"params": {"value": "slow"}})
    assert (reply.status, reply.body["state"]) == (202, "running")
    path = reply.headers["location"].removeprefix(PREFIX)
    assert server.call("GET", path).status == 202
    _, other = server.person("invocation-other", "org_admin")
    assert problem(server.call("GET", path, token=other), 404)["code"] == "INVOCATION_NOT_FOUND"
    server.loop.call_soon_threadsafe(gate.set)
    for _ in range(100):
        reply = server.call("GET", path)
        if reply.status == 200:
            break
    assert reply.body["output"] == {"value": "slow"}


def test_a_slow_apply_goes_on_and_is_asked_for_later(
    server: Running, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    change = stage(server, target, "slow-apply")
    monkeypatch.setattr("api.fabric.changes.WAIT_SECONDS", 0.2)
    gate = current().gates["slow-apply"] = asyncio.Event()
    reply = server.call("POST", f"/changes/{change['id']}/apply", apply_word(change))
    assert (reply.status, reply.body["state"]) == (202, "applying")
    assert reply.headers["location"] == f"{PREFIX}/changes/{change['id']}"
    server.loop.call_soon_threadsafe(gate.set)
    for _ in range(200):
        state = server.get(f"/changes/{change['id']}")["state"]
        if state != "applying":
            break
    assert state == "applied"


def test_an_apply_whose_caller_hangs_up_is_carried_through(server: Running, target: str) -> None:
    import asyncio
    import json
    import time

    from tests.api.wire import open_socket

    change = stage(server, target, "hung-up")
    gate = current().gates["hung-up"] = asyncio.Event()
    body = json.dumps(apply_word(change)).encode()
    with open_socket(server) as connection:
        connection.sendall(
            f"POST {PREFIX}/changes/{change['id']}/apply HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {server.admin}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        time.sleep(0.3)
    time.sleep(0.2)
    server.loop.call_soon_threadsafe(gate.set)
    for _ in range(200):
        state = server.get(f"/changes/{change['id']}")["state"]
        if state != "applying":
            break
    assert state == "applied"
