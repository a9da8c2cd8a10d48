"""Canaries in everything that is others'; an assistant that may all that an assistant can must find none."""

import json
from collections.abc import Iterator

import pytest

from catalog.jsonvalue import Json
from tests.api.mcp.speaking import CURRENT, HANDSHAKE, ask, post, request, token_of
from tests.api.running import Running, running
from tests.engine.house import current

PARAM = "canary-param-mcp"
SECRET = "canary-secret-mcp-91c4"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of these tests' own: others look for canaries too."""
    with running(tmp_path_factory.mktemp("leaks")) as made:
        yield made


@pytest.fixture(scope="module")
def furnished(server: Running) -> str:
    """Another administrator's Connection has run; its params, secrets and its target's credentials are canaries."""
    _, author = server.person("mcp-author", "org_admin")
    server.call("PUT", "/secrets/mcp-token", {"value": SECRET}, token=author)
    target = server.controller("mcp-guarded", credentials={"password": SECRET}, settings={"address": PARAM})
    steps = [
        {"operation_id": "probe.echo", "params": {"value": PARAM}},
        {"operation_id": "probe.set", "params": {"controller_id": target, "value": PARAM}},
        {"operation_id": "fabric.notify", "params": {"channels": {"in_app": True}, "title": PARAM}},
    ]
    source = {"name": "mcp-canaries", "description": PARAM, "source_event": "ingest.external", "steps": steps}
    assert server.call("POST", "/connections", source, token=author).status == 201
    run = server.call("POST", "/connections/mcp-canaries/test", {"payload": {"name": PARAM}}, token=author).body
    assert "staged" in {each["state"] for each in run["steps"]}, run
    return target


def everything(server: Running, token: str, target: str) -> list[bytes]:
    """What each method answers, and each tool to what fits and to what does not."""
    found = []
    for revision in (CURRENT, *HANDSHAKE):
        for method in ("server/discover", "tools/list", "ping", "resources/list", "completion/complete"):
            found.append(ask(server, token, method, revision=revision).content)
        start = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        message, _ = request("initialize", start, revision=HANDSHAKE[0])
        found.append(post(server, token, json.dumps(message).encode()).content)
    names = [each["name"] for each in ask(server, token, "tools/list").body["result"]["tools"]]
    guesses: list[Json] = [{}, {"value": 1}, {"controller_id": target, "value": 1}, {"controller_id": target}]
    guesses += [{"value": "{{secrets.mcp-token}}"}, {"connection": "mcp-canaries"}, {"controller_id": "nowhere"}]
    for name in (*names, "fabric__webhook", "fabric__notify", "runs__list", "secrets__list"):
        for arguments in guesses:
            found.append(ask(server, token, "tools/call", {"name": name, "arguments": arguments}).content)
    return found


@pytest.mark.promise("P3", "H4")
def test_an_assistant_finds_no_canary(server: Running, furnished: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = current().state
    current().state = "plain"
    token = token_of(server, daily_calls=10_000)
    try:
        answers = everything(server, token, furnished)
    finally:
        current().state = before
    assert len(answers) > 60
    assert sum(b'"staged":true' in each for each in answers) >= 1
    for each in answers:
        assert PARAM.encode() not in each, each
        assert SECRET.encode() not in each, each
        assert token.encode() not in each
    logged = capfd.readouterr()
    for canary in (PARAM, SECRET, token):
        assert canary not in logged.out + logged.err


@pytest.mark.promise("P3")
def test_what_an_assistant_asked_for_is_its_owners_and_the_deciders_to_read(server: Running, furnished: str) -> None:
    token = token_of(server)
    arguments = {"controller_id": furnished, "value": "canary-mine"}
    staged = ask(server, token, "tools/call", {"name": "probe__set", "arguments": arguments}).body["result"]
    path = f"/changes/{staged['structuredContent']['change_id']}"
    assert server.get(path)["request"] == {"value": "canary-mine"}
    _, viewer = server.person("mcp-onlooker", "viewer")
    seen = server.call("GET", path, token=viewer)
    assert b"canary-mine" not in seen.content
    assert seen.body["asked_by"]["kind"] == "assistant"
