"""Traps that systems like this one fall into, as a caller over HTTP would meet them."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from catalog.jsonvalue import Json
from tests.api.running import Running, running

STEP = {"operation_id": "fabric.log", "params": {}}


@pytest.mark.parametrize(
    "condition",
    [
        {},
        None,
        [],
        "x",
        {"field": "trigger.name"},
        {"operator": "eq", "value": 1},
        {"field": "trigger.name", "operator": "eq"},
        {"field": 5, "operator": "eq", "value": 1},
        {"field": "trigger.name", "operator": None, "value": 1},
        {"all": None},
        {"not": [{}]},
    ],
)
def test_a_condition_that_lacks_something_is_the_authors_mistake_and_no_500(server: Running, condition: Json) -> None:
    source = {"name": "trap", "source_event": "ingest.external", "conditions": [condition], "steps": [STEP]}
    made = server.call("POST", "/connections", source)
    assert (made.status, made.body["code"]) == (422, "CONNECTION_INVALID")
    assert all(each["pointer"].startswith("/conditions/0") for each in made.body["diagnostics"])
    checked = server.call("POST", "/connections/validate", source)
    assert (checked.status, checked.body["valid"]) == (200, False)


@pytest.mark.parametrize("query", ["", "?source_event=", "?source_event=no.such.event", "?source_event=%23"])
def test_for_no_event_nothing_is_suggested_not_even_a_sink(server: Running, query: str) -> None:
    reply = server.call("GET", f"/connections/suggest{query}")
    assert reply.status in (400, 404)
    assert "fabric.log" not in reply.content.decode()


def test_an_invoked_webhook_that_is_refused_still_shows_what_was_answered(tmp_path: Path) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(409)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"twice")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    receiver = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=receiver.serve_forever)
    thread.start()
    try:
        with running(tmp_path, webhook_allowed_hosts=("127.0.0.1",)) as server:
            params = {"url": f"http://127.0.0.1:{receiver.server_port}/hook", "payload": {}}
            reply = server.call("POST", "/operations/fabric.webhook/invoke", {"params": params})
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()
    assert (reply.status, reply.body["code"]) == (502, "WEBHOOK_STATUS")
    assert (reply.body["output"]["status"], reply.body["output"]["body"]) == (409, "twice")


def test_a_refused_address_is_the_callers_mistake_and_is_not_named(server: Running) -> None:
    params = {"url": "http://10.11.12.13/x", "payload": {}}
    reply = server.call("POST", "/operations/fabric.webhook/invoke", {"params": params})
    assert (reply.status, reply.body["code"]) == (400, "SSRF_PRIVATE")
    assert "10.11.12.13" not in reply.content.decode()


def test_a_target_that_is_set_up_badly_is_the_targets_fault_and_not_the_servers(
    server: Running, tmp_path: Path
) -> None:
    target = server.controller("badly-set-up", driver="local", settings={"directory": str(tmp_path / "nowhere")})
    reply = server.call("POST", "/operations/storage.health/invoke", {"params": {"controller_id": target}})
    assert (reply.status, reply.body["code"]) == (502, "STORAGE_DIRECTORY")
    assert "retry-after" not in reply.headers
