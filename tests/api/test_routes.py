"""One test drives every route of the table into its error shape."""

import re
import uuid

import pytest

from api.endpoints import Endpoint, Raw, Source
from api.fabric.routes import ENDPOINTS
from api.problems import CONTENT_TYPE
from catalog.jsonvalue import Json
from tests.api.running import Reply, Running

ALL = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")

BODIES: dict[str, Json] = {
    "invoke_operation": {},
    "create_connection": {"name": "x", "source_event": "ingest.external", "steps": []},
    "validate_connection": {"name": "x"},
    "update_connection": {"enabled": False},
    "try_connection": {"payload": {}},
    "ingest_event": {"name": "x"},
    "apply_change": {"force": True, "digest": "0" * 64},
    "reject_change": {},
    "create_site": {"name": "x"},
    "create_controller": {"site_id": "x", "name": "x", "driver": "local", "settings": {"directory": "/x"}},
    "update_controller": {"read_only": True},
    "create_user": {"name": "x"},
    "update_user": {"active": False},
    "put_role": {"permissions": []},
    "create_key": {"name": "x", "user_id": str(uuid.uuid4())},
    "set_signing": {},
    "put_secret": {"value": "x"},
    "add_plugin": {"reference": "x"},
    "grant_plugin": {"hosts": []},
    "rotate_seal": {},
}
"""For each route with a body, one that its shape allows."""

MAKES_WHAT_IS_NOT_THERE = frozenset({"put_role", "put_secret"})


def path_of(endpoint: Endpoint) -> str:
    return re.sub(r"\{\w+\}", f"x-{uuid.uuid4()}", endpoint.path) + (
        "?source_event=ingest.external" if endpoint.name == "suggest_operations" else ""
    )


def problem(reply: Reply, status: int) -> Json:
    """The body, after a look at everything that every problem has."""
    assert reply.status == status, reply.content
    assert reply.headers["content-type"] == CONTENT_TYPE
    body = reply.body
    assert {"type", "title", "status", "detail", "code", "instance", "request_id"} <= body.keys()
    assert body["status"] == status
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", body["code"])
    assert body["type"] == f"urn:fabric:error:{body['code']}"
    assert body["detail"].endswith(".")
    return body


def ask(server: Running, endpoint: Endpoint, body: Json = None, **credential: str) -> Reply:
    path = path_of(endpoint).removeprefix("/api/v1/fabric")
    return server.call(endpoint.method, path, BODIES.get(endpoint.name) if body is None else body, **credential)


@ALL
def test_nobody_is_answered_without_a_credential(server: Running, endpoint: Endpoint) -> None:
    reply = server.ask(endpoint.method, path_of(endpoint))
    assert problem(reply, 401)["code"] == "CREDENTIAL_MISSING"
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert problem(ask(server, endpoint, token="fabt_nobody-knows-this-one"), 401)["code"] == "CREDENTIAL_UNKNOWN"


@ALL
def test_who_may_not_is_refused_before_his_body_is_looked_at(server: Running, endpoint: Endpoint) -> None:
    if endpoint.who.check is None:
        assert endpoint.who.text in ("authenticated",) or endpoint.who.decided_inside
        return
    key = server.issue(scopes=["nothing.at.all"])
    assert problem(ask(server, endpoint, {"not": ["what", "is", "asked"]}, key=key), 403)["code"] in (
        "PERMISSION_DENIED",
        "ADMIN_REQUIRED",
    )


@ALL
def test_two_credentials_at_once_are_one_too_many(server: Running, endpoint: Endpoint) -> None:
    headers = {"Authorization": f"Bearer {server.admin}", "X-API-Key": "fabk_x"}
    reply = server.ask(endpoint.method, path_of(endpoint), headers=headers)
    assert problem(reply, 401)["code"] == "CREDENTIAL_AMBIGUOUS"


@ALL
def test_a_body_that_is_no_json_is_the_callers_mistake(server: Running, endpoint: Endpoint) -> None:
    if endpoint.body is None:
        return
    headers = {"Authorization": f"Bearer {server.admin}"}
    status = 422 if endpoint.body is Source and endpoint.name != "validate_connection" else 400
    if endpoint.name == "validate_connection":
        reply = server.ask("POST", path_of(endpoint), body=b'{"a": [}', headers=headers)
        assert reply.status == 200
        assert reply.body["valid"] is False
        return
    found = problem(server.ask(endpoint.method, path_of(endpoint), body=b'{"a": [}', headers=headers), status)
    assert found["code"] == ("CONNECTION_INVALID" if status == 422 else "JSON_SYNTAX")


@ALL
def test_a_body_of_another_shape_is_the_callers_mistake(server: Running, endpoint: Endpoint) -> None:
    if endpoint.body is None or endpoint.name == "validate_connection":
        return
    found = problem(ask(server, endpoint, ["no", "object"]), 422 if endpoint.body is Source else 400)
    expected = {Source: "CONNECTION_INVALID", Raw: "INGEST_BODY"}.get(endpoint.body, "BODY_INVALID")
    assert found["code"] == expected


@ALL
def test_what_is_not_there_is_not_found(server: Running, endpoint: Endpoint) -> None:
    if "{" not in endpoint.path and endpoint.name != "create_key":
        return
    if endpoint.name in MAKES_WHAT_IS_NOT_THERE:
        return
    body = problem(ask(server, endpoint), 404)
    assert body["code"].endswith(("_NOT_FOUND", "OP_UNKNOWN"))
    assert body["code"] != "ROUTE_UNKNOWN"


@ALL
def test_a_query_nobody_knows_is_refused(server: Running, endpoint: Endpoint) -> None:
    headers = {"Authorization": f"Bearer {server.admin}"}
    for query in ("nobody=knows", "limit=5&limit=6", "limit=0", "limit=201", "limit=many", "%ff=%ff"):
        path = f"{path_of(endpoint).partition('?')[0]}?{query}"
        assert problem(server.ask(endpoint.method, path, headers=headers), 400)["code"] == "QUERY_INVALID"


@ALL
def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_takes(
    server: Running, endpoint: Endpoint
) -> None:
    reply = server.ask("TRACE", path_of(endpoint))
    assert problem(reply, 405)["code"] == "METHOD_NOT_ALLOWED"
    assert endpoint.method in reply.headers["allow"]


@ALL
def test_every_route_says_what_it_does_for_whom_and_what_it_refuses(endpoint: Endpoint) -> None:
    assert endpoint.handler.__doc__
    assert endpoint.who.text
    assert endpoint.gives
    assert (endpoint.method != "GET") == (endpoint.owned or endpoint.name == "ingest_event")


def test_routes_have_names_of_their_own() -> None:
    assert len({each.name for each in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(each.method, each.path) for each in ENDPOINTS}) == len(ENDPOINTS)


def test_a_path_nobody_knows_is_a_problem_too(server: Running) -> None:
    for path in (
        "/nothing",
        "/api/v1/fabric",
        "/api/v1/fabric/",
        "/v1/x",
        "///x",
        "/%00",
        "/*",
        "/api/v1/fabric/runs/a/b",
    ):
        assert problem(server.ask("GET", path), 404)["code"] == "ROUTE_UNKNOWN"


def test_a_bug_is_a_bare_500_with_an_id_that_the_log_carries_too(
    server: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash(*_: object) -> None:
        raise RuntimeError("canary: what a bug says stays inside")

    monkeypatch.setattr(server.server.application.store, "list_events", crash)
    reply = server.call("GET", "/events")
    body = problem(reply, 500)
    assert body.keys() == {"type", "title", "status", "detail", "code", "instance", "request_id", "hint"}
    assert b"canary" not in reply.content
    logged = capsys.readouterr()
    assert body["request_id"] in logged.out + logged.err
