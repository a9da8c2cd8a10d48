"""Assistants' tokens: a kind of their own, for one door, and never wider than whoever issues them."""

import json

import pytest

from catalog.jsonvalue import Json
from engine.audit import audit_row, system_actor
from engine.tenancy import Controller, Organisation, Site
from tests.api.mcp.speaking import ask, assistant, call, post, request, token_of
from tests.api.running import Running
from tests.api.test_routes import problem

STORAGE = {"storage__health", "storage__list_blobs", "storage__text_blob"}


def names(server: Running, token: str) -> set[str]:
    return {each["name"] for each in ask(server, token, "tools/list").body["result"]["tools"]}


def test_an_assistants_token_opens_mcp_and_no_other_route(server: Running) -> None:
    text = token_of(server)
    assert text.startswith("faba_")
    assert ask(server, text, "tools/list").status == 200
    for path in ("/me", "/catalog", "/changes", "/keys", "/stream"):
        assert problem(server.call("GET", path, token=text), 401)["code"] == "CREDENTIAL_UNKNOWN"
        assert problem(server.call("GET", path, key=text), 401)["code"] == "CREDENTIAL_UNKNOWN"


def test_nobody_else_comes_in_at_mcp(server: Running) -> None:
    message, headers = request("tools/list")
    body = json.dumps(message).encode()
    key = server.issue()
    for text in (server.admin, key, "", "faba_made-up", "x" * 300):
        reply = post(server, text, body, headers)
        assert (reply.status, reply.body["error"]["code"]) == (401, 401)
        assert reply.headers["www-authenticate"].startswith("Bearer")
        assert server.ask("GET", "/mcp", headers={"Authorization": f"Bearer {text}"}).status == 401
    asked = {**headers, "Content-Type": "application/json"}
    assert server.ask("POST", "/mcp", body=body, headers=asked).status == 401
    assert server.ask("POST", "/mcp", body=body, headers={**asked, "X-API-Key": key}).status == 401
    both = post(server, token_of(server), body, {**headers, "X-API-Key": key})
    assert both.body["error"]["data"]["code"] == "CREDENTIAL_AMBIGUOUS"


def test_a_token_is_issued_listed_and_revoked_like_any_other_and_the_audit_log_tells(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "claude", "kind": "assistant", "scopes": ["probe.view"]})
    key_id, text = made.body["id"], made.body["text"]
    assert (made.body["kind"], made.body["daily_calls"], made.body["calls_today"]) == ("assistant", 1000, 0)
    call(server, text, "probe__echo", {"value": 1})
    assert server.get(f"/keys/{key_id}")["calls_today"] == 1
    (listed,) = (each for each in server.get("/keys?limit=200")["items"] if each["id"] == key_id)
    assert (listed["calls_today"], listed["daily_calls"]) == (1, 1000)
    assert "text" not in listed
    assert server.call("DELETE", f"/keys/{key_id}").status == 204
    assert ask(server, text, "tools/list").status == 401
    told = [each for each in server.get("/audit?limit=200")["items"] if each["subject"] == key_id]
    assert [each["action"] for each in told] == ["assistant.revoked", "assistant.issued"]
    assert told[1]["details"]["daily_calls"] == 1000


def test_a_budget_is_an_assistants_alone_and_within_bounds(server: Running) -> None:
    for kind in ("key", "token"):
        assert server.call("POST", "/keys", {"name": "x", "kind": kind, "daily_calls": 5}).body["code"] == "KEY_KIND"
    for calls in (0, -1, 1_000_001, "5", 1.5):
        assert server.call("POST", "/keys", {"name": "x", "kind": "assistant", "daily_calls": calls}).status == 400
    signed = {"name": "x", "kind": "assistant", "signing_secrets": ["0123456789abcdef"]}
    assert server.call("POST", "/keys", signed).body["code"] == "KEY_KIND"


def test_who_may_not_issue_a_key_issues_no_assistants_token(server: Running) -> None:
    body = {"name": "x", "kind": "assistant"}
    _, viewer = server.person("mcp-viewer", "viewer")
    assert problem(server.call("POST", "/keys", body, token=viewer), 403)["code"] == "PERMISSION_DENIED"
    assert problem(server.call("POST", "/keys", body, key=server.issue()), 403)["code"] == "PERSON_REQUIRED"
    narrow = server.issue(kind="token", scopes=["keys.manage", "probe.view"])
    for scopes in (None, ["probe.set"], ["probe.view", "probe.set"]):
        reply = server.call("POST", "/keys", {**body, "scopes": scopes}, token=narrow)
        assert problem(reply, 403)["code"] == "SCOPES_EXCEEDED"
    made = server.call("POST", "/keys", {**body, "scopes": ["probe.view"]}, token=narrow)
    assert made.status == 201
    server.call("PUT", "/roles/mcp-keymaster", {"permissions": ["keys.manage", "probe.view"]})
    _, keymaster = server.person("mcp-keymaster", "mcp-keymaster")
    for_admin = {**body, "user_id": server.get("/me")["id"]}
    assert problem(server.call("POST", "/keys", for_admin, token=keymaster), 403)["code"] == "ADMIN_REQUIRED"
    own = server.call("POST", "/keys", body, token=keymaster).body["text"]
    assert names(server, own) == {"probe__echo", "probe__look", "probe__picture"}


def test_a_token_reaches_what_its_owner_reaches_now_and_its_scopes_allow(server: Running) -> None:
    user_id, _ = server.person("mcp-owner", "org_admin")
    text = token_of(server, user_id=user_id, scopes=["probe.view", "storage.view", "changes.apply", "keys.manage"])
    assert names(server, text) == {"probe__echo", "probe__look", "probe__picture", *STORAGE}
    assert server.call("PATCH", f"/users/{user_id}", {"grants": [{"role": "viewer"}]}).status == 200
    assert names(server, text) == STORAGE
    reply = ask(server, text, "tools/call", {"name": "probe__echo", "arguments": {}})
    assert reply.body["error"]["data"]["code"] == "MCP_TOOL_UNKNOWN"
    server.call("PATCH", f"/users/{user_id}", {"active": False})
    assert ask(server, text, "tools/list").status == 401


def test_a_token_of_one_site_acts_at_that_site(server: Running) -> None:
    server.call("PUT", "/roles/mcp-setter", {"permissions": ["probe.set"]})
    there = server.call("POST", "/sites", {"name": "mcp-there"}).body["id"]
    user_id, _ = server.person("mcp-local", "mcp-setter", sites=[there])
    text = token_of(server, user_id=user_id)
    here = server.controller("mcp-here")
    mine = server.controller("mcp-mine", site_id=there)
    refused = call(server, text, "probe__set", {"controller_id": here, "value": 1})
    assert (refused["isError"], refused["structuredContent"]["code"]) == (True, "PERMISSION_DENIED")
    assert call(server, text, "probe__set", {"controller_id": mine, "value": 1})["structuredContent"]["staged"] is True


@pytest.mark.promise("P2")
async def test_a_token_of_one_organisation_neither_sees_nor_reaches_anothers_targets(server: Running) -> None:
    application = server.server.application

    async def furnish() -> str:
        store, clock = application.store, application.clock
        other = Organisation(id=clock.new_id(), name="mcp-other", created_at=clock.now())
        system = system_actor(other.id)
        await store.put_tenant(other, audit_row(system, "organisation.created", other.id, clock))
        site = Site(id=clock.new_id(), organisation_id=other.id, name="default", created_at=clock.now())
        await store.put_tenant(site, audit_row(system, "site.created", site.id, clock))
        target = Controller(
            id=clock.new_id(), organisation_id=other.id, site_id=site.id, name="theirs", driver="probe", revision=0
        )
        await store.put_tenant(target, audit_row(system, "controller.created", target.id, clock))
        return target.id

    target, text = server.run(furnish()), token_of(server)
    for unreachable in (target, "01a2006c-0000-7000-8000-000000000000"):
        refused = call(server, text, "probe__set", {"controller_id": unreachable, "value": 1})
        assert refused["structuredContent"]["code"] == "CROSS_TENANT_TARGET"
    async with assistant(server, text) as client:
        assert target not in str(client.instructions)


def test_what_a_plugin_offers_is_a_tool_once_something_can_run_it(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.api.running import PluginProbe
    from tests.engine.house import operations

    text = token_of(server)
    assert "plugin__probe__read" not in names(server, text)
    application = server.server.application
    monkeypatch.setattr(PluginProbe, "code", lambda self, name: operations.code("probe.echo"))
    monkeypatch.setattr(application.registry, "_built_at", float("-inf"))
    assert "plugin__probe__read" in names(server, text)
    given: Json = call(server, text, "plugin__probe__read", {"value": 5})
    assert given["structuredContent"]["output"] == {"value": 5}
    monkeypatch.undo()
    application.registry._built_at = float("-inf")


def test_more_requests_than_the_rate_are_429_with_the_seconds_to_wait(server: Running) -> None:
    from engine.guards import Rate

    window = server.server.application.assistants._window
    usual, window._rate = window._rate, Rate(5, 60.0)
    try:
        text, other = token_of(server), token_of(server)
        assert [ask(server, text, "tools/list").status for _ in range(6)] == [200] * 5 + [429]
        refused = ask(server, text, "tools/list")
        assert refused.body["error"]["data"]["code"] == "MCP_RATE"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert ask(server, other, "tools/list").status == 200
    finally:
        window._rate = usual
