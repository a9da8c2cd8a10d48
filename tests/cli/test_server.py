"""The command line's HTTP client: whom it tells its token, and what it makes of answers."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.problems import problem_from
from api.cli.server import Server
from api.settings import TOKEN_FILE
from catalog.errors import ConnectionInvalid, FabricError, Invalid, TooMany, Unavailable
from tests.cli.commanding import Fabric


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers what it is told to, and remembers the credentials it was shown."""

    shown: list[str | None] = []  # noqa: RUF012 - one server a test reads and empties it
    status = 200
    body = b"{}"

    def do_GET(self) -> None:
        """Answer."""
        Echo.shown.append(self.headers.get("Authorization"))
        self.send_response(Echo.status)
        self.send_header("Content-Length", str(len(Echo.body)))
        self.end_headers()
        self.wfile.write(Echo.body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[str]:
    Echo.shown.clear()
    Echo.status, Echo.body = 200, b"{}"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def local_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / TOKEN_FILE).write_text("fabt_local\n")
    monkeypatch.setenv("FABRIC_DATA_DIR", str(tmp_path))


@pytest.mark.usefixtures("local_token")
def test_the_local_token_goes_to_a_server_on_this_machine(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_URL", echo)
    Server.configured().get("me")
    assert Echo.shown == ["Bearer fabt_local"]


@pytest.mark.usefixtures("local_token")
def test_a_token_that_is_given_goes_first(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_URL", echo)
    monkeypatch.setenv("FABRIC_TOKEN", "fabt_given")
    Server.configured().get("me")
    assert Echo.shown == ["Bearer fabt_given"]


@pytest.mark.usefixtures("local_token")
@pytest.mark.parametrize(
    "url", ["https://fabric.example.com", "http://192.168.1.4:8642", "http://127.0.0.1.example.com:8642"]
)
def test_the_local_token_never_leaves_this_machine(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_URL", url)
    assert Server.configured()._token is None


def test_no_token_file_is_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_DATA_DIR", str(tmp_path / "nothing"))
    assert Server.configured()._token is None
    assert not (tmp_path / "nothing").exists()


def test_a_server_that_is_not_there_is_the_outside_s_failure(fabric: Fabric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_URL", "http://127.0.0.1:1")
    said = fabric("runs", "ls")
    assert said.code == 4
    assert "SERVER_UNREACHABLE" in said.err
    assert "fabricksd start" in said.err


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8642", "http://user:word@127.0.0.1"])
def test_a_url_that_is_none_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_URL", url)
    with pytest.raises(Invalid, match="FABRIC_URL"):
        Server.configured()


def test_what_is_not_json_is_no_server_of_ours(echo: str) -> None:
    Echo.body = b"<html>hello</html>"
    with pytest.raises(FabricError, match="not JSON"):
        Server(echo, None).get("me")


def test_a_problem_becomes_the_error_it_was() -> None:
    body = b'{"code": "CHANGE_DRIFTED", "detail": "It moved.", "hint": "Look.", "drift": {"a": 1}, "status": 409}'
    error = problem_from(409, {}, body)
    assert (error.status, error.code, error.message, error.hint) == (409, "CHANGE_DRIFTED", "It moved.", "Look.")
    assert error.details == {"drift": {"a": 1}}


def test_diagnostics_come_with_their_places() -> None:
    body = (
        b'{"code": "CONNECTION_INVALID", "detail": "x", "diagnostics": [{"code": "OP_UNKNOWN", "severity": "error", '
        b'"message": "m", "pointer": "/steps/0", "line": 3, "column": 7, "width": 4, "hint": null}]}'
    )
    error = problem_from(422, {}, body)
    assert isinstance(error, ConnectionInvalid)
    (found,) = error.diagnostics
    assert found.span is not None
    assert (found.span.line, found.span.column, found.span.width) == (3, 7, 4)


def test_the_time_to_wait_is_kept() -> None:
    error = problem_from(429, {"retry-after": "17"}, b'{"code": "INGEST_RATE", "detail": "x"}')
    assert isinstance(error, TooMany)
    assert error.retry_after == 17


def test_a_proxy_s_page_still_has_its_status() -> None:
    assert isinstance(problem_from(503, {}, b"<html>"), Unavailable)
    assert problem_from(418, {}, b"").code == "HTTP_418"
