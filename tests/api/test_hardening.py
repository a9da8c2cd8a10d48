"""What arrives malformed, too much or too slowly."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import repeat

import pytest
from sanic import Sanic

from api.hardening import Limits, check_config, hard_config
from tests.api.running import Running, running
from tests.api.wire import exchange, open_socket, read_all, statuses, trickle

INGEST = "/api/v1/fabric/ingest"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose deadlines are short enough to wait for."""
    limits = Limits(header_seconds=1.0, request_seconds=2.0, idle_seconds=1.5, connections=260)
    with running(tmp_path_factory.mktemp("hasty"), limits=limits) as made:
        yield made


def post(headers: bytes, body: bytes = b"", path: str = INGEST, token: str = "") -> bytes:
    head = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n"
    if token:
        head += b"Authorization: Bearer " + token.encode() + b"\r\n"
    return head + headers + b"\r\n" + body


SMUGGLING = {
    "space before the colon": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nGET /",
    "other digits": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ٥\r\n\r\n12345".encode(),
    "signed length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n12345",
    "underscored length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n1234567890",
    "hexadecimal length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\n12345",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
    "list of lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\n12345",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    "bare line feed": b"GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "nul in a value": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    "empty name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "other encoding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "disguised chunks": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "old protocol": b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
    "next protocol": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    "small method": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "control in the target": b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "target beyond ascii": "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    "sixty-five headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 64 + b"\r\n",
}


@pytest.mark.parametrize("sent", SMUGGLING.values(), ids=SMUGGLING)
def test_a_head_that_two_parsers_could_read_differently_ends_the_connection(server: Running, sent: bytes) -> None:
    assert statuses(exchange(server, sent + NEXT)) == [400]


CHUNKED = {
    "sound": b"5\r\nhello\r\n0\r\n\r\n",
    "no line end after the chunk": b"5\r\nhelloXX0\r\n\r\n",
    "trailer": b"0\r\nX: y\r\n\r\n",
    "extension": b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "endless": b"5\r\nhello\r\n",
}


@pytest.mark.parametrize("path", [INGEST, "/healthz", "/nothing", "/api/v1/fabric/connections"])
@pytest.mark.parametrize("body", CHUNKED.values(), ids=CHUNKED)
def test_chunks_are_refused_before_one_is_read_and_the_connection_ends(server: Running, path: str, body: bytes) -> None:
    answer = exchange(server, post(b"Transfer-Encoding: chunked\r\n", body, path, server.admin) + NEXT)
    assert statuses(answer) == [411]
    assert b"LENGTH_REQUIRED" in answer


@pytest.mark.parametrize("path", [INGEST, "/api/v1/fabric/connections", "/api/v1/fabric/connections/validate"])
def test_a_body_needs_its_length(server: Running, path: str) -> None:
    assert statuses(exchange(server, post(b"", b"", path, server.admin) + NEXT)) == [411, 200]


@pytest.mark.promise("H1")
@pytest.mark.parametrize("length", [64 * 1024 + 1, 10**9, 9_999_999_999])
def test_a_body_over_64_kib_is_refused_before_it_is_sent(server: Running, length: int) -> None:
    with open_socket(server) as connection:
        connection.sendall(post(b"Content-Length: %d\r\n" % length, b"", INGEST, server.admin))
        answer = connection.recv(65536)
    assert statuses(answer) == [413]
    assert b"BODY_TOO_LARGE" in answer


def test_a_body_of_64_kib_is_taken(server: Running) -> None:
    body = b'{"name": "x", "payload": "%s"}' % (b"x" * (64 * 1024 - 28))
    assert len(body) == 64 * 1024
    headers = {"Authorization": f"Bearer {server.admin}"}
    assert server.ask("POST", INGEST, body=body, headers=headers).status == 202
    assert server.ask("POST", INGEST, body=body + b" ", headers=headers).status == 413


def test_a_connections_text_may_be_longer_and_the_compiler_says_when_it_is_too_long(server: Running) -> None:
    headers = {"Authorization": f"Bearer {server.admin}"}
    path = "/api/v1/fabric/connections/validate"
    reply = server.ask("POST", path, body=b"x" * (256 * 1024 + 1), headers=headers)
    assert reply.status == 200
    assert [each["code"] for each in reply.body["diagnostics"]] == ["YAML_TOO_LARGE"]
    assert server.ask("POST", path, body=b"x" * (258 * 1024), headers=headers).status == 413


def test_a_head_over_8_kib_is_refused(server: Running) -> None:
    answer = exchange(server, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n" + NEXT)
    assert statuses(answer) == [413]
    assert b"HEAD_TOO_LARGE" in answer


def test_requests_one_after_the_other_on_one_connection_are_answered_in_turn(server: Running) -> None:
    body = b'{"name": "pipelined"}'
    one = post(b"Content-Length: %d\r\n" % len(body), body, INGEST, server.admin)
    assert statuses(exchange(server, NEXT + one + NEXT + one)) == [200, 202, 200, 202]


@pytest.mark.promise("H1")
def test_a_head_that_trickles_in_is_cut_off_at_its_deadline(hasty: Running) -> None:
    with open_socket(hasty) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
        assert 0.8 < trickle(connection, repeat(b"y", 100), 0.1) < 4.0


@pytest.mark.promise("H1")
@pytest.mark.parametrize("extra", [b"", b"Upgrade: websocket\r\nConnection: upgrade\r\n", b"Expect: 100-continue\r\n"])
def test_a_body_that_trickles_in_is_cut_off_at_its_deadline(hasty: Running, extra: bytes) -> None:
    with open_socket(hasty) as connection:
        connection.sendall(post(b"Content-Length: 1000\r\n" + extra, b"{", INGEST, hasty.admin))
        assert 1.8 < trickle(connection, repeat(b" ", 100), 0.1) < 5.5


def test_a_connection_that_says_nothing_is_closed(hasty: Running) -> None:
    with open_socket(hasty) as connection:
        began = time.monotonic()
        assert read_all(connection) == b""
        assert 1.2 < time.monotonic() - began < 5.0


def test_a_caller_who_does_not_read_is_let_go(hasty: Running) -> None:
    with open_socket(hasty) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        began = time.monotonic()
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            while time.monotonic() - began < 8:
                connection.sendall(request)
                time.sleep(0.01)
    assert time.monotonic() - began < 8


def p99(server: Running, count: int = 300) -> float:
    with open_socket(server) as connection:
        times = []
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(NEXT)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            times.append(time.perf_counter() - began)
    return sorted(times)[int(count * 0.99)]


@pytest.mark.promise("H1", count=200)
def test_200_slow_connections_slow_nobody_else(hasty: Running) -> None:
    quiet, crowded = [], []
    for _ in range(3):
        quiet.append(p99(hasty))
        with ExitStack() as stack:
            slow = [stack.enter_context(open_socket(hasty)) for _ in range(200)]
            for connection in slow:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
            crowded.append(p99(hasty))
            for connection in slow:
                assert b" 408 " in read_all(connection)
    assert min(crowded) < 2 * min(quiet) + 0.003


def test_connections_beyond_the_cap_are_closed_at_once(hasty: Running) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(open_socket(hasty)) for _ in range(260)]
        held[-1].sendall(NEXT)
        assert statuses(held[-1].recv(4096)) == [200]
        with open_socket(hasty) as late:
            assert read_all(late) == b""
    time.sleep(0.2)
    assert hasty.ask("GET", "/healthz").status == 200


def test_sanic_variables_change_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANIC_REQUEST_MAX_SIZE", "1000000000")
    monkeypatch.setenv("SANIC_ACCESS_LOG", "true")
    config = hard_config(Limits())
    assert config.REQUEST_MAX_SIZE == 64 * 1024
    assert config.ACCESS_LOG is False


@pytest.mark.parametrize("name", ["INSPECTOR", "AUTO_RELOAD", "NOISY_EXCEPTIONS", "ACCESS_LOG", "PROXIES_COUNT"])
def test_a_workbench_setting_keeps_the_server_from_starting(name: str) -> None:
    app = Sanic(f"workbench-{name.lower()}", config=hard_config(Limits()), configure_logging=False)
    app.config[name] = 1
    with pytest.raises(AssertionError):
        check_config(app)
    Sanic.unregister_app(app)
