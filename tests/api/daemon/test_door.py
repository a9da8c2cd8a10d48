"""The door: every answer in the envelope, nothing unknown accepted, keys where keys are asked for, limits that hold."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.daemon.routes import ENDPOINTS
from api.daemon.socket import connect_control
from api.hardening import Limits
from tests.api.daemon.hosted import Hosted, hosted

KEY = "X-Fabricks-API-Key"


@pytest.mark.reference(
    "heading Socket API Reference", "says Overview: REST API *", "says API Server: Handles HTTP requests"
)
def test_what_there_is_comes_in_the_envelope(daemon: Hosted) -> None:
    reply = daemon.call("GET", "/daemon/info")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.body.keys() == {"status", "data"}
    assert reply.body["status"] == "success"


@pytest.mark.reference("heading Error Handling")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1", 404),
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v2/services", 404),
        ("GET", "/v1/services//logs", 404),
        ("PUT", "/v1/services", 405),
        ("DELETE", "/v1/daemon/info", 405),
    ],
)
def test_unknown_routes_and_methods_are_malformed_requests(daemon: Hosted, method: str, path: str, status: int) -> None:
    reply = daemon.ask(method, path)
    assert reply.status == status
    assert reply.body["status"] == "error"
    assert reply.body["error"]["code"] == "INVALID_REQUEST"
    assert reply.body["error"]["details"]["hint"]
    if status == 405:
        assert "GET" in reply.headers["allow"]


def test_an_unknown_parameter_is_refused_with_what_was_meant(daemon: Hosted) -> None:
    error = daemon.error("GET", "/services?stat=running", status=400)
    assert error["code"] == "INVALID_REQUEST"
    assert error["details"]["hint"] == "Did you mean `state`?"
    assert daemon.error("GET", "/daemon/info?x=1", status=400)["details"]["hint"] == "Leave it out."


def test_a_parameter_may_not_come_twice_unless_it_may(daemon: Hosted) -> None:
    assert "twice" in daemon.error("GET", "/services?state=running&state=failed", status=400)["message"]
    assert daemon.get("/services?label=a%3Db&label=c") == {"services": [], "total": 0}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("since=yesterday", "since"),
        ("until=2025-13-01T00:00:00Z", "until"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(daemon: Hosted, query: str, field: str) -> None:
    error = daemon.error("GET", f"/events/history?{query}", status=400)
    assert (error["code"], error["details"]["field"]) == ("INVALID_REQUEST", field)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"timeout": "1s", "timeout": "2s"}', "twice"),
        (b'{"timeout": NaN}', "NaN"),
        (b'{"force": 1e999}', "too large"),
        (b'{"force": "yes"}', "`force`"),
        (b'{"timeout": "soon"}', "`soon`"),
        (b"\xff{}", "UTF-8"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested"),
    ],
)
def test_a_body_is_read_strictly(daemon: Hosted, body: bytes, said: str) -> None:
    reply = daemon.ask("POST", "/v1/daemon/shutdown", body=body, headers={"Content-Type": "text/plain"})
    assert reply.status == 400
    assert reply.body["error"]["code"] == "INVALID_REQUEST"
    assert said in reply.body["error"]["message"]


def test_an_unknown_field_is_refused_with_what_was_meant(daemon: Hosted) -> None:
    error = daemon.error("POST", "/daemon/shutdown", {"forse": True}, status=400)
    assert error["details"] == {"field": "forse", "hint": "Did you mean `force`?", "known": ["force", "timeout"]}


@pytest.mark.reference("setting api.max_body_size")
def test_a_body_over_the_limit_is_refused_before_it_is_read(folder: Path) -> None:
    with hosted(folder, api__max_body_size="2KB") as daemon:
        reply = daemon.ask("POST", "/v1/daemon/reload", headers={"Content-Length": "2001"})
        assert reply.status == 413
        assert reply.body["error"]["code"] == "BODY_TOO_LARGE"
        assert daemon.ask("POST", "/v1/daemon/reload", body=b" " * 2000).status in (200, 400)


def test_a_body_of_unstated_length_is_refused(daemon: Hosted) -> None:
    reply = daemon.ask("POST", "/v1/daemon/reload", headers={"Transfer-Encoding": "chunked"})
    assert reply.status == 411
    assert reply.body["error"]["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/daemon/info HTTP/1.1\r\n\r\n",
        b"GET /v1/daemon/info HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /v1/daemon/info HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /v1/daemon/info HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n",
        b"get lost\r\n\r\n",
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(daemon: Hosted, head: bytes) -> None:
    with connect_control(daemon.socket, 10.0) as connection:
        connection.sendall(head)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "INVALID_REQUEST"


def test_a_request_that_trickles_in_is_ended(folder: Path) -> None:
    with hosted(folder, limits=Limits(header_seconds=0.3)) as daemon, connect_control(daemon.socket, 10.0) as slow:
        began = time.monotonic()
        slow.sendall(b"GET /v1/daemon/info HTTP/1.1\r\n")
        answer = read_all(slow)
        assert 0.2 < time.monotonic() - began < 5
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"REQUEST_TIMEOUT" in answer


def read_all(connection: socket.socket) -> bytes:
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """A daemon that asks for keys."""
    with hosted(tmp_path_factory.mktemp("locked"), api__auth_enabled="true", api__api_key="a-configured-key") as made:
        yield made


@pytest.mark.reference(
    "setting api.auth_enabled",
    "says Authentication: *",
    "says API Server: Authentication & authorization",
    "heading Authentication",
)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_no_route_is_open_where_keys_are_asked_for(locked: Hosted, endpoint: Any) -> None:
    path = endpoint.path.replace("{rest*}", "x").replace("{", "").replace("}", "")
    for method in endpoint.method.split():
        for headers in ({}, {KEY: "wrong"}, {KEY: ""}, {KEY: "é"}):
            reply = locked.ask(method, path, headers=headers)
            assert reply.status == 401
            if method != "HEAD":
                assert reply.body["error"]["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize("path", ["/v1/nothing", "/", "/metrics", "/v1/health"])
def test_who_has_no_key_does_not_learn_which_routes_there_are(locked: Hosted, path: str) -> None:
    assert locked.ask("GET", path).status == 401
    assert locked.ask("PUT", path).status == 401


@pytest.mark.reference("setting api.api_key")
def test_configured_and_generated_keys_open_it_until_they_are_revoked(locked: Hosted) -> None:
    assert locked.ask("GET", "/v1/daemon/info", headers={KEY: "a-configured-key"}).status == 200
    key, text = locked.daemon.keys.generate("test")
    assert locked.ask("GET", "/v1/daemon/info", headers={KEY: text}).status == 200
    locked.daemon.keys.revoke(key.id)
    assert locked.ask("GET", "/v1/daemon/info", headers={KEY: text}).status == 401


def test_a_bug_is_a_bare_500_with_an_id(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hosted(folder) as daemon:
        monkeypatch.setattr(daemon.daemon, "info", lambda: 1 / 0)
        error = daemon.error("GET", "/daemon/info", status=500)
    assert error["code"] == "INTERNAL_ERROR"
    assert len(error["details"]["request_id"]) == 16
    assert "division" not in json.dumps(error)


def test_the_daemon_answers_over_tcp_where_it_is_told_to(folder: Path) -> None:
    import http.client

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with hosted(folder, api__listen=f"127.0.0.1:{port}"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/v1/daemon/info")
        assert json.loads(connection.getresponse().read())["data"]["api_version"] == "v1"
        connection.close()
