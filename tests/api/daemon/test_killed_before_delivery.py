"""kill -9 between what happens at the daemon and its Connection: the next start fires it, once."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

from catalog.jsonvalue import Json
from tests.api.daemon.hosted import SocketConnection, short_folder
from tests.api.running import PREFIX

SECONDS = 20.0
TOLD: Json = {
    "name": "told",
    "source_event": "runtime.network.created",
    "steps": [
        {
            "id": "seen",
            "operation_id": "networks.get",
            "params": {"controller_id": "{{trigger.controller_id}}", "network": "{{trigger.id}}"},
        },
        {"operation_id": "fabric.log", "params": {"message": "{{steps.seen.output.name}}"}},
    ],
}
FAILPOINTS = ("store.accept.before_commit", "store.accept.after_commit", "store.finish.before_commit")
"""Before the engine has the event; when it has, and the daemon does not know; when its run is nearly over."""


class Process:
    """A server in a process of its own, both halves up."""

    def __init__(self, folder: Path, made: "subprocess.Popen[str]", address: tuple[str, int]) -> None:
        self._folder = folder
        self.made = made
        self._address = address
        self._token = (folder / "data/admin-token").read_text().strip()

    def api(self, method: str, path: str, body: Json = None) -> Json:
        """Ask the Connections' half."""
        with closing(http.client.HTTPConnection(*self._address, timeout=SECONDS)) as connection:
            content = None if body is None else json.dumps(body)
            connection.request(method, PREFIX + path, content, {"Authorization": f"Bearer {self._token}"})
            answer = connection.getresponse()
            found = json.loads(answer.read())
            assert answer.status < 300, found
            return found

    def create_network(self, name: str) -> None:
        """Have something happen at the daemon."""
        with closing(SocketConnection(self._folder / "data/fabricks.sock")) as connection:
            connection.request("POST", "/v1/networks", json.dumps({"name": name}))
            try:
                assert connection.getresponse().status == 201
            except (http.client.HTTPException, OSError):
                assert self.made.wait(SECONDS) == 137, "it may die before it has answered, but of nothing else"

    def comes_to(self, expected: list[str]) -> None:
        """Wait until the Connection has logged this, each once."""
        until(lambda: self._messages() == sorted(expected))

    def _messages(self) -> list[str]:
        """What the Connection has logged in runs that are over, sorted."""
        runs = [self.api("GET", f"/runs/{each['id']}") for each in self.api("GET", "/runs")["items"]]
        assert all(each["state"] == "succeeded" for each in runs if each["ended_at"]), runs
        return sorted(each["steps"][1]["params"]["message"] for each in runs if each["ended_at"])


@contextmanager
def process(folder: Path, **environment: str) -> Iterator[Process]:
    """`fabricksd start`; killed at the end if it still runs."""
    kept = {name: each for name, each in os.environ.items() if not name.startswith(("FABRIC", "ADAPTER_"))}
    own = {
        "HOME": str(folder),
        "FABRIC_DATA_DIR": str(folder / "data"),
        "FABRIC_ARTIFACT_DURABLE_DIR": str(folder / "durable"),
        "FABRIC_PORT": "0",
        "FABRIC_LOG_LEVEL": "warning",
        "FABRICKS_MONITORING_PROMETHEUS_ENABLED": "false",
    }
    command = [sys.executable, "-m", "api.cli.daemon", "start"]
    with subprocess.Popen(command, env={**kept, **own, **environment}, stdout=subprocess.PIPE, text=True) as made:
        try:
            assert made.stdout is not None
            lines = (re.fullmatch(r"fabricksd: listening on http://([\d.]+):(\d+)\n", line) for line in made.stdout)
            found = next(filter(None, lines), None)
            assert found is not None
            yield Process(folder, made, (found[1], int(found[2])))
        finally:
            made.kill()


def until(look: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < end
        time.sleep(0.02)


def outbox(folder: Path) -> int:
    """Events that the daemon's state holds for the engine."""
    with closing(apsw.Connection(str(folder / "data/services/state.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)) as state:
        return len(state.execute("SELECT 1 FROM document WHERE kind = 'outbox'").fetchall())


@pytest.mark.promise("E1", count=1 + len(FAILPOINTS))
def test_an_event_fires_once_wherever_the_process_is_killed() -> None:
    with short_folder() as folder:
        with process(folder) as server:
            server.api("POST", "/connections", TOLD)
            _kill_while_the_engine_cannot_write(server, folder)
        expected = ["killed"]
        for failpoint in FAILPOINTS:
            with process(folder, FABRIC_FAILPOINT=f"{failpoint}:2") as server:  # once for the event before
                server.comes_to(expected)
                expected.append(re.sub(r"[._]", "-", failpoint))
                server.create_network(expected[-1])
                assert server.made.wait(SECONDS) == 137
        with process(folder) as server:
            server.comes_to(expected)
            until(lambda: outbox(folder) == 0)
            events = [each for each in server.api("GET", "/events")["items"] if each["type"] == TOLD["source_event"]]
            assert sorted(each["payload"]["name"] for each in events) == sorted(["default", *expected])


def _kill_while_the_engine_cannot_write(server: Process, folder: Path) -> None:
    with closing(apsw.Connection(str(folder / "data/fabric.sqlite"))) as held:
        held.execute("BEGIN IMMEDIATE")
        server.create_network("killed")
        until(lambda: outbox(folder) == 1)
        server.made.send_signal(signal.SIGKILL)
        assert server.made.wait(SECONDS) == -signal.SIGKILL
