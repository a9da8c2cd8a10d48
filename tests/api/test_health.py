"""What is said outside the API: is it there, is it ready, what does it count."""

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from api import server as server_module
from api.listening import listen
from api.problems import CONTENT_TYPE
from api.wiring import Application, build
from catalog.errors import FabricError, Unavailable
from tests.api.running import Running, running
from tests.api.test_routes import problem


def test_the_process_says_what_it_is(server: Running) -> None:
    reply = server.ask("GET", "/")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    assert b"/api/v1/openapi.json" in reply.content
    assert server.ask("HEAD", "/healthz").status == 200


def test_the_process_is_there_at_once_and_ready_when_its_engine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    async def slow_build(*arguments: Any, **named: Any) -> Application:
        reached.set()
        await asyncio.get_running_loop().run_in_executor(None, go_on.wait)
        return await build(*arguments, **named)

    monkeypatch.setattr(server_module, "build", slow_build)
    port = free_port()
    opened: list[Running] = []

    def start() -> None:
        with running(tmp_path, port=port) as made:
            opened.append(made)
            until_told.wait(20)

    until_told = threading.Event()
    thread = threading.Thread(target=start)
    thread.start()
    try:
        assert reached.wait(10)
        assert ask(port, "/healthz")[0] == 200
        for path in ("/readyz", "/metrics", "/api/v1/fabric/catalog"):
            status, headers, body = ask(port, path)
            assert (status, headers["content-type"], headers["retry-after"]) == (503, CONTENT_TYPE, "1")
            assert b"NOT_READY" in body
        go_on.set()
        while not opened:
            pass
        assert opened[0].ask("GET", "/readyz").status == 200
    finally:
        go_on.set()
        until_told.set()
        thread.join()


def free_port() -> int:
    with listen("127.0.0.1", 0) as made:
        return int(made.getsockname()[1])


def ask(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_a_start_that_fails_leaves_the_port_free(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(FabricError) as caught, running(tmp_path, port=port, database_url="postgresql://x"):
        pass
    assert caught.value.code == "SETTING_INVALID"
    listen("127.0.0.1", port).close()


def test_a_port_in_use_and_an_address_of_somebody_else_are_told_apart() -> None:
    with listen("127.0.0.1", 0) as held, pytest.raises(Unavailable) as caught:
        listen("127.0.0.1", held.getsockname()[1])
    assert caught.value.code == "ADDRESS_IN_USE"
    with pytest.raises(Unavailable) as caught:
        listen("203.0.113.1", 0)
    assert caught.value.code == "ADDRESS_UNUSABLE"


def test_metrics_are_read_by_prometheus_and_name_nobody(server: Running) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    server.call("POST", "/ingest", {"name": "measured"})
    reply = server.ask("GET", "/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=")
    families = {each.name: each for each in text_string_to_metric_families(reply.content.decode())}
    assert {"fabric_events", "fabric_runs", "fabric_steps", "fabric_changes", "fabric_store_rows"} <= families.keys()
    assert server.get("/me")["organisation_id"] not in reply.content.decode()
    labels = {name for each in families.values() for sample in each.samples for name in sample.labels}
    assert labels <= {"type", "state", "operation", "answer", "kind", "le", "quantile", "generation"} | labels_of(
        reply.content
    )


def labels_of(content: bytes) -> set[str]:
    """Labels of the process's own families."""
    found: set[str] = set()
    for line in content.decode().splitlines():
        if line.startswith(("process_", "python_")):
            found |= set(re.findall(r"(\w+)=", line))
    return found


def test_a_ready_server_says_no_when_it_stops(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.server.serving is not None
        server.loop.call_soon_threadsafe(server.server.serving.stopping.set)
        for _ in range(200):
            reply = server.ask("GET", "/readyz")
            if reply.status != 200:
                break
        assert problem(reply, 503)["code"] == "NOT_READY"
        server.loop.call_soon_threadsafe(server.server.serving.stopping.clear)
        while server.ask("GET", "/readyz").status != 200:
            pass
