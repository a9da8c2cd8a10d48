"""Connections and runs over HTTP."""

import json

import pytest

from catalog.jsonvalue import Json
from tests.api.running import PREFIX, Reply, Running
from tests.api.test_routes import problem

HIDDEN = {"__redacted__": "hidden - author-only"}


def source(name: str, *steps: Json, **fields: Json) -> Json:
    chain = list(steps) or [{"operation_id": "fabric.log", "params": {"message": "canary {{trigger.name}}"}}]
    return {"name": name, "source_event": "ingest.external", "steps": chain, **fields}


def connect(server: Running, name: str, *steps: Json, **fields: Json) -> Json:
    made = server.call("POST", "/connections", source(name, *steps, **fields))
    assert made.status == 201, made.content
    return made.body


def put_text(server: Running, text: str, kind: str = "application/yaml") -> Reply:
    headers = {"Authorization": f"Bearer {server.admin}", "Content-Type": kind}
    return server.ask("POST", f"{PREFIX}/connections", body=text.encode(), headers=headers)


def test_a_connection_is_created_and_found_by_id_and_by_name(server: Running) -> None:
    made = server.call("POST", "/connections", source("created"))
    assert made.status == 201
    assert made.headers["location"] == f"{PREFIX}/connections/{made.body['id']}"
    assert made.headers["etag"] == '"1"'
    for name in (made.body["id"], "created"):
        assert server.get(f"/connections/{name}") == made.body
    assert made.body["steps"][0]["params"] == {"message": "canary {{trigger.name}}"}
    assert made.body["author_id"] == server.get("/me")["id"]


def test_yaml_is_taken_too(server: Running) -> None:
    text = """
apiVersion: fabric/v1
kind: Connection
name: from yaml
source_event: ingest.external
conditions:
  - {field: trigger.name, operator: eq, value: my_callback}
steps:
  - operation_id: fabric.log
    params: {message: hello}
"""
    made = put_text(server, text)
    assert made.status == 201, made.content
    assert server.get("/connections/from%20yaml")["conditions"] == [
        {"field": "trigger.name", "operator": "eq", "value": "my_callback"}
    ]


def test_a_connection_that_does_not_compile_is_answered_with_every_problem_and_its_place(server: Running) -> None:
    text = """name: broken
source_event: ingest.externl
steps:
  - operation_id: fabric.lgo
    params: {message: 5}
  - operation_id: fabric.webhook
    params: {url: "http://{{trigger.name}}/x"}
"""
    body = problem(put_text(server, text), 422)
    assert body["code"] == "CONNECTION_INVALID"
    found = {each["code"]: each for each in body["diagnostics"]}
    assert {"EVENT_UNKNOWN", "OP_UNKNOWN", "TEMPLATE_IN_URL_HOST"} <= found.keys()
    assert (found["OP_UNKNOWN"]["line"], found["OP_UNKNOWN"]["pointer"]) == (4, "/steps/0/operation_id")
    assert "fabric.log" in found["OP_UNKNOWN"]["hint"]
    assert all(each["line"] and each["column"] and each["severity"] for each in body["diagnostics"])


def test_validating_stores_nothing_and_says_the_same(server: Running) -> None:
    before = server.get("/connections?limit=200")
    verdict = server.call("POST", "/connections/validate", source("validated"))
    assert (verdict.status, verdict.body) == (200, {"valid": True, "diagnostics": []})
    verdict = server.call("POST", "/connections/validate", source("validated", {"operation_id": "no.such"}))
    assert verdict.body["valid"] is False
    assert verdict.body["diagnostics"][0]["code"] == "OP_UNKNOWN"
    assert server.get("/connections?limit=200") == before


def test_a_name_is_one_connections(server: Running) -> None:
    connect(server, "taken")
    assert problem(server.call("POST", "/connections", source("taken")), 409)["code"] == "CONNECTION_EXISTS"


def test_only_an_unscoped_admin_authors(server: Running) -> None:
    _, operator = server.person("author-operator", "operator")
    narrowed = server.issue(kind="token", scopes=["storage.view", "fabric.view"])
    made = connect(server, "not-yours")
    for token in (operator, narrowed):
        for method, path, body in (
            ("POST", "/connections", source("theirs")),
            ("PATCH", f"/connections/{made['id']}", {"enabled": False}),
            ("DELETE", f"/connections/{made['id']}", None),
            ("POST", f"/connections/{made['id']}/test", {"payload": {}}),
        ):
            assert problem(server.call(method, path, body, token=token), 403)["code"] == "ADMIN_REQUIRED"


def test_an_edit_names_what_changes_and_its_revision(server: Running) -> None:
    made = connect(server, "edited", description="first", cooldown_seconds=5)
    path = f"/connections/{made['id']}"
    edited = server.call("PATCH", path, {"description": "second", "cooldown_seconds": None}, If_Match='"1"')
    assert (edited.status, edited.headers["etag"]) == (200, '"2"')
    assert (edited.body["description"], edited.body.get("cooldown_seconds", 0)) == ("second", 0)
    assert edited.body["steps"] == made["steps"]
    assert problem(server.call("PATCH", path, {"description": "third"}, If_Match='"1"'), 412)
    assert problem(server.call("PATCH", path, {"steps": []}), 422)["diagnostics"]
    assert problem(server.call("PATCH", path, {"nonsense": 1}), 422)["diagnostics"][0]["code"] == "SCHEMA_UNKNOWN_FIELD"
    assert server.get(path)["description"] == "second"


def test_a_redacted_copy_is_not_written_back(server: Running) -> None:
    made = connect(server, "redacted-copy")
    _, other = server.person("redacted-admin", "org_admin")
    copy = server.get(f"/connections/{made['id']}", token=other)
    assert copy["redacted"] is True
    reply = server.call("PATCH", f"/connections/{made['id']}", {"steps": copy["steps"]}, token=other)
    assert problem(reply, 400)["code"] == "REDACTED_COPY"


def test_params_are_the_authors_alone(server: Running) -> None:
    made = connect(server, "private", {"operation_id": "fabric.log", "params": {"message": "canary-private"}})
    _, admin = server.person("private-admin", "org_admin")
    _, viewer = server.person("private-viewer", "viewer")
    for token in (admin, viewer):
        seen = server.get(f"/connections/{made['id']}", token=token)
        assert seen["steps"] == [{"operation_id": "fabric.log", "params": HIDDEN}]
        assert seen["redacted"] is True
        assert "canary" not in json.dumps(server.get("/connections?limit=200", token=token))
    assert server.get(f"/connections/{made['id']}")["redacted"] is False


def test_a_deleted_connection_keeps_its_runs(server: Running) -> None:
    made = connect(server, "deleted")
    run = server.call("POST", f"/connections/{made['id']}/test", {"payload": {"name": "x"}}).body
    assert server.call("DELETE", "/connections/deleted").status == 204
    assert problem(server.call("GET", "/connections/deleted"), 404)["code"] == "CONNECTION_NOT_FOUND"
    assert [each["id"] for each in server.get(f"/runs?connection={made['id']}")["items"]] == [run["id"]]
    assert server.get(f"/runs/{run['id']}")["connection_name"] == "deleted"


def test_a_trial_runs_once_with_the_payload_and_says_what_conditions_would_have_done(server: Running) -> None:
    condition = {"field": "trigger.name", "operator": "eq", "value": "other"}
    made = connect(server, "tried", conditions=[condition])
    reply = server.call("POST", "/connections/tried/test", {"payload": {"name": "x", "payload": {}}})
    assert reply.status == 200
    assert reply.headers["location"] == f"{PREFIX}/runs/{reply.body['id']}"
    assert (reply.body["state"], reply.body["origin"]) == ("succeeded", "test")
    assert reply.body["steps"][0]["params"] == {"message": "canary x"}
    assert reply.body["conditions"]
    assert server.get("/connections/tried/runs")["items"][0]["id"] == reply.body["id"]
    assert made["id"] == reply.body["connection_id"]


def test_a_trial_without_a_payload_takes_the_last_event_that_matches(server: Running) -> None:
    connect(server, "tried-last")
    server.call("POST", "/ingest", {"name": "the-last-one"})
    run = server.call("POST", "/connections/tried-last/test", {}).body
    assert run["event"]["payload"]["name"] == "the-last-one"


def test_a_disabled_connection_is_not_tried(server: Running) -> None:
    connect(server, "disabled", enabled=False)
    reply = server.call("POST", "/connections/disabled/test", {"payload": {}})
    assert problem(reply, 409)["code"] == "CONNECTION_DISABLED"
    enabled = server.call("PATCH", "/connections/disabled", {"enabled": True})
    assert enabled.body["enabled"] is True
    assert server.call("POST", "/connections/disabled/test", {"payload": {}}).status == 200


def test_a_run_is_replayed_and_a_run_that_is_over_is_not_cancelled(server: Running) -> None:
    connect(server, "replayed")
    run = server.call("POST", "/connections/replayed/test", {"payload": {"name": "x"}}).body
    again = server.call("POST", f"/runs/{run['id']}/replay")
    assert again.status == 201
    assert (again.body["origin"], again.body["replay_of"]) == ("replay:1", run["id"])
    assert again.body["event"]["id"] == run["event"]["id"]
    assert problem(server.call("POST", f"/runs/{run['id']}/cancel"), 409)["code"] == "RUN_OVER"


def test_runs_are_listed_by_state_and_by_name(server: Running) -> None:
    connect(server, "listed")
    for _ in range(3):
        server.call("POST", "/connections/listed/test", {"payload": {"name": "x"}})
    found = server.get("/runs?connection=listed&state=succeeded&limit=2")
    assert len(found["items"]) == 2
    assert found["next"] is not None
    assert server.get("/runs?connection=listed&state=failed")["items"] == []
    assert problem(server.call("GET", "/runs?state=nonsense"), 400)["code"] == "QUERY_INVALID"


def test_a_list_of_runs_shows_no_payload_param_or_output(server: Running) -> None:
    connect(server, "rows")
    server.call("POST", "/connections/rows/test", {"payload": {"name": "canary-row"}})
    reply = server.call("GET", "/connections/rows/runs")
    row = reply.body["items"][0]
    assert row["event"].keys() == {"id", "type", "time"}
    assert row["steps"][0]["state"] == "succeeded"
    assert not {"params", "output"} & row["steps"][0].keys()
    assert b"canary-row" not in reply.content


def test_runs_are_fifty_by_default_and_200_at_most(server: Running) -> None:
    connect(server, "many")
    for _ in range(55):
        server.call("POST", "/connections/many/test", {"payload": {"name": "x"}})
    assert len(server.get("/connections/many/runs")["items"]) == 50
    assert len(server.get("/connections/many/runs?limit=200")["items"]) == 55
    assert problem(server.call("GET", "/connections/many/runs?limit=201"), 400)


def test_suggestions_say_what_fits_and_whether_the_asker_may(server: Running) -> None:
    _, viewer = server.person("suggest-viewer", "viewer")
    path = "/connections/suggest?source_event=cameras.event.motion"
    found = {each["operation_id"]: each for each in server.get(path)["items"]}
    assert "artifact" in found["storage.store_blob"]["match"]
    assert found["storage.store_blob"]["allowed"] is True
    seen = {each["operation_id"]: each["allowed"] for each in server.get(path, token=viewer)["items"]}
    assert seen["storage.store_blob"] is False
    reply = server.call("GET", "/connections/suggest?source_event=no.such.event")
    assert problem(reply, 404)["code"] == "EVENT_UNKNOWN"


@pytest.mark.parametrize("name", ["with space", "ünïcode", "a%b", "semi;colon", "a.b", "quo'te"])
def test_a_connection_of_any_name_is_found_by_it(server: Running, name: str) -> None:
    from urllib.parse import quote

    made = connect(server, name)
    assert server.get(f"/connections/{quote(name, safe='')}")["id"] == made["id"]
    assert server.call("DELETE", f"/connections/{quote(name, safe='')}").status == 204
