"""The protocol message by message: both kinds of revision, and every number of an error."""

import base64
import json
from pathlib import Path

import pytest

from api.mcp.tools import PAGE
from catalog.jsonvalue import Json
from catalog.operations import Operation, Read
from tests.api.mcp.speaking import CURRENT, HANDSHAKE, META, ask, call, post, request, token_of
from tests.api.running import Reply, Running, running
from tests.engine.house import Probe, operations


@pytest.fixture(scope="module")
def token(server: Running) -> str:
    return token_of(server, name="protocol")


def error(reply: Reply, status: int, number: int, code: str) -> Json:
    assert reply.headers["content-type"] == "application/json"
    told = reply.body["error"]
    assert (reply.status, told["code"], told["data"]["code"]) == (status, number, code), reply.content
    assert told["message"].endswith(".")
    return told


@pytest.mark.parametrize("asked, given", [("2025-11-25",) * 2, ("2025-06-18",) * 2, ("2024-11-05", "2025-11-25")])
def test_a_handshake_agrees_on_a_revision_and_hands_out_no_session(
    server: Running, token: str, asked: str, given: str
) -> None:
    params = {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": "first", "method": "initialize", "params": params}
    reply = post(server, token, json.dumps(message).encode())
    assert reply.status == 200
    assert reply.body["id"] == "first"
    result = reply.body["result"]
    assert (result["protocolVersion"], result["capabilities"]) == (given, {"tools": {"listChanged": True}})
    assert result["serverInfo"]["name"] == "fabric"
    assert "mcp-session-id" not in reply.headers
    ready = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    assert post(server, token, ready, {"Mcp-Protocol-Version": given}).status == 202


@pytest.mark.parametrize("revision", HANDSHAKE)
def test_a_revision_with_a_handshake_pings_lists_and_calls(server: Running, token: str, revision: str) -> None:
    assert ask(server, token, "ping", revision=revision).body["result"] == {}
    listed = ask(server, token, "tools/list", revision=revision).body["result"]
    assert set(listed) == {"tools"}
    assert call(server, token, "probe__echo", {"value": 1}, revision)["structuredContent"] == {"value": 1}
    assert ask(server, token, "tools/list", revision=revision, **{"Mcp-Session-Id": "made-up"}).status == 200


def test_the_current_revision_discovers_lists_and_calls_and_says_whose_answers_they_are(
    server: Running, token: str
) -> None:
    found = ask(server, token, "server/discover").body["result"]
    assert found["supportedVersions"] == [CURRENT, *HANDSHAKE]
    for result in (found, ask(server, token, "tools/list").body["result"]):
        assert (result["resultType"], result["ttlMs"], result["cacheScope"]) == ("complete", 0, "private")
        assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "fabric"


def test_a_revision_has_only_its_own_methods(server: Running, token: str) -> None:
    for method in ("initialize", "ping", "resources/list", "logging/setLevel", "nonsense"):
        error(ask(server, token, method), 404, -32601, "MCP_METHOD")
    for method in ("server/discover", "subscriptions/listen", "prompts/list", "nonsense"):
        error(ask(server, token, method, revision=HANDSHAKE[0]), 200, -32601, "MCP_METHOD")


def test_an_unknown_revision_is_told_which_there_are(server: Running, token: str) -> None:
    message, headers = request("tools/list")
    message["params"]["_meta"] = {**META, "io.modelcontextprotocol/protocolVersion": "1900-01-01"}
    body = json.dumps(message).encode()
    told = error(
        post(server, token, body, {**headers, "Mcp-Protocol-Version": "1900-01-01"}), 400, -32022, "MCP_VERSION"
    )
    assert (told["data"]["supported"], told["data"]["requested"]) == ([CURRENT, *HANDSHAKE], "1900-01-01")
    plain = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    told = error(post(server, token, plain), 400, -32022, "MCP_VERSION")
    assert told["data"]["requested"] == "2025-03-26"


WRONG_HEADERS: list[dict[str, str]] = [
    {"Mcp-Method": "tools/list"},
    {"Mcp-Method": ""},
    {"Mcp-Name": "probe__set"},
    {"Mcp-Name": "=?base64?cHJvYmVfX2VjaG8?="},
    {"Mcp-Name": "=?base64?!!!?="},
    {"Mcp-Protocol-Version": HANDSHAKE[0]},
    {"Mcp-Protocol-Version": "1900-01-01"},
]


@pytest.mark.parametrize("wrong", WRONG_HEADERS, ids=str)
def test_a_header_that_says_something_else_than_the_body_is_refused(
    server: Running, token: str, wrong: dict[str, str]
) -> None:
    message, headers = request("tools/call", {"name": "probe__echo", "arguments": {}})
    error(post(server, token, json.dumps(message).encode(), {**headers, **wrong}), 400, -32020, "MCP_HEADER")


@pytest.mark.parametrize("missing", ["Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version"])
def test_a_header_that_is_missing_is_refused(server: Running, token: str, missing: str) -> None:
    message, headers = request("tools/call", {"name": "probe__echo", "arguments": {}})
    del headers[missing]
    error(post(server, token, json.dumps(message).encode(), headers), 400, -32020, "MCP_HEADER")


def test_a_name_may_come_encoded(server: Running, token: str) -> None:
    message, headers = request("tools/call", {"name": "probe__echo", "arguments": {}})
    headers["Mcp-Name"] = f"=?base64?{base64.b64encode(b'probe__echo').decode()}?="
    assert post(server, token, json.dumps(message).encode(), headers).status == 200


@pytest.mark.parametrize(
    "left", [{}, {"_meta": {}}, {"_meta": {**META, "io.modelcontextprotocol/clientCapabilities": 1}}]
)
def test_a_request_of_the_current_revision_says_what_the_client_can(server: Running, token: str, left: Json) -> None:
    message, headers = request("tools/list")
    message["params"] = left
    error(post(server, token, json.dumps(message).encode(), headers), 400, -32602, "MCP_PARAMS")


MALFORMED: dict[str, tuple[bytes, Json]] = {
    "batch": (b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]', None),
    "empty batch": (b"[]", None),
    "text": (b'"ping"', None),
    "null": (b"null", None),
    "no version": (b'{"id": 1, "method": "ping"}', 1),
    "other version": (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', 1),
    "null id": (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', None),
    "true id": (b'{"jsonrpc": "2.0", "id": true, "method": "ping"}', None),
    "fraction as id": (b'{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', None),
    "list as id": (b'{"jsonrpc": "2.0", "id": [], "method": "ping"}', None),
    "no method": (b'{"jsonrpc": "2.0", "id": "x"}', "x"),
    "answer": (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', 1),
    "number as method": (b'{"jsonrpc": "2.0", "id": 7, "method": 7}', 7),
    "list as params": (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', 1),
    "null as params": (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": null}', 1),
}


@pytest.mark.parametrize("body, number", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_message_is_an_invalid_request(server: Running, token: str, body: bytes, number: Json) -> None:
    reply = post(server, token, body, {"Mcp-Protocol-Version": HANDSHAKE[0]})
    error(reply, 400, -32600, "MCP_MESSAGE")
    assert reply.body["id"] == number


HOSTILE = {
    "empty": (b"", "JSON_SYNTAX"),
    "half": (b'{"jsonrpc": "2.0"', "JSON_SYNTAX"),
    "two": (b"{} {}", "JSON_SYNTAX"),
    "key twice": (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "method": "tools/list"}', "JSON_DUPLICATE_KEY"),
    "NaN": (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": NaN}}', "JSON_NUMBER"),
    "huge": (b'{"jsonrpc": "2.0", "id": 123456789012345678901234, "method": "ping"}', "JSON_NUMBER"),
    "endless": (b'{"jsonrpc": "2.0", "id": 1e999, "method": "ping"}', "JSON_NUMBER"),
    "deep": (b'{"params": ' + b"[" * 5000 + b"]" * 5000 + b"}", "JSON_TOO_DEEP"),
    "half a character": (b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "ping"}', "JSON_ENCODING"),
    "not UTF-8": (b'{"jsonrpc": "2.0", "id": "\xff", "method": "ping"}', "JSON_ENCODING"),
}


@pytest.mark.promise("P4", count=len(HOSTILE))
@pytest.mark.parametrize("body, code", HOSTILE.values(), ids=HOSTILE)
def test_hostile_json_is_a_parse_error(server: Running, token: str, body: bytes, code: str) -> None:
    error(post(server, token, body, {"Mcp-Protocol-Version": HANDSHAKE[0]}), 400, -32700, code)


@pytest.mark.parametrize("params", [{}, {"name": 1}, {"name": "probe__echo", "arguments": []}])
def test_a_call_that_names_no_tool_or_no_arguments_is_wrong(server: Running, token: str, params: Json) -> None:
    assert ask(server, token, "tools/call", params, HANDSHAKE[0]).body["error"]["data"]["code"] == "MCP_PARAMS"
    unknown = ask(server, token, "tools/call", {"name": "probe.echo", "arguments": {}})
    error(unknown, 400, -32602, "MCP_TOOL_UNKNOWN")


def test_who_takes_no_json_sends_no_json_or_comes_from_a_web_page_is_refused(server: Running, token: str) -> None:
    message, headers = request("tools/list")
    body = json.dumps(message).encode()
    error(post(server, token, body, {**headers, "Accept": "text/html"}), 406, 406, "MCP_ACCEPT")
    error(post(server, token, body, {**headers, "Content-Type": "text/plain"}), 415, 415, "MCP_CONTENT_TYPE")
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{server.address[1]}"):
        error(post(server, token, body, {**headers, "Origin": origin}), 403, 403, "MCP_ORIGIN")
    error(server.ask("GET", "/mcp", headers={"Origin": "http://evil.example"}), 403, 403, "MCP_ORIGIN")
    for accepted in ("application/*", "*/*", "text/event-stream, application/json;q=0.1"):
        assert post(server, token, body, {**headers, "Accept": accepted}).status == 200


def test_a_body_over_64_kib_is_413_and_one_without_length_411(server: Running, token: str) -> None:
    headers = {"Mcp-Protocol-Version": HANDSHAKE[0]}
    error(post(server, token, b" " * (64 * 1024 + 1), headers), 413, 413, "BODY_TOO_LARGE")
    assert post(server, token, b" " * (64 * 1024), headers).status == 400


def test_there_is_nothing_to_delete_and_nothing_to_get_in_the_current_revision(server: Running, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    gone = server.ask("DELETE", "/mcp", headers=headers)
    assert (gone.status, gone.headers["allow"]) == (405, "GET, POST")
    got = server.ask("GET", "/mcp", headers={**headers, "Mcp-Protocol-Version": CURRENT})
    assert (got.status, got.headers["allow"]) == (405, "POST")


def test_a_bug_shows_nothing_of_itself(server: Running, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def boom(*_: object) -> None:
        raise ZeroDivisionError("canary-bug")

    monkeypatch.setattr(server.server.application.assistants, "call", boom)
    reply = ask(server, token, "tools/call", {"name": "probe__echo", "arguments": {}})
    error(reply, 500, -32603, "INTERNAL_ERROR")
    assert b"canary-bug" not in reply.content


def test_a_long_list_comes_in_pages_and_keeps_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    echo = operations.code("probe.echo")
    assert isinstance(echo, Read)
    many = [Operation(id=f"many.op-{n:03}", title="One of many", permission="probe.view") for n in range(2 * PAGE)]
    plain, code = Probe.operations, Probe.code
    monkeypatch.setattr(Probe, "operations", lambda self: [*plain(self), *many])
    monkeypatch.setattr(Probe, "code", lambda self, name: echo if name.startswith("many.") else code(self, name))
    with running(tmp_path) as server:
        look_through(server, token_of(server), {f"many__op-{n:03}" for n in range(2 * PAGE)})


def look_through(server: Running, token: str, there: set[str]) -> None:
    names: list[str] = []
    cursor: Json = None
    sizes = []
    while True:
        result = ask(server, token, "tools/list", {} if cursor is None else {"cursor": cursor}).body["result"]
        sizes.append(len(result["tools"]))
        names += [each["name"] for each in result["tools"]]
        cursor = result.get("nextCursor")
        if cursor is None:
            break
    assert sizes[:-1] == [PAGE, PAGE]
    assert names == sorted(set(names))
    assert there < set(names)
    for wrong in (7, "", "x" * 65):
        error(ask(server, token, "tools/list", {"cursor": wrong}), 400, -32602, "MCP_CURSOR")
