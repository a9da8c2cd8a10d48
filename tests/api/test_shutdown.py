"""SIGTERM under load, in a process of its own."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import apsw
import pytest

from catalog.jsonvalue import Json
from tests.api.running import PREFIX

ROUNDS = 20


@contextmanager
def process(
    data: Path, stderr: IO[str] | None = None, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """`fabricksd start` on a free port, from its first word on stdout; killed at the end if it still runs."""
    settings = {
        "FABRIC_DATA_DIR": str(data),
        "FABRIC_ARTIFACT_DURABLE_DIR": str(data / "durable"),
        "FABRIC_PORT": "0",
        "FABRIC_LOG_LEVEL": "warning",
        "FABRIC_INGEST_LIMIT": "10000000/60s",
        **environment,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FABRIC_", "ADAPTER_"))}
    command = [sys.executable, "-m", "api.cli.daemon", "start"]
    with subprocess.Popen(command, env={**kept, **settings}, stdout=subprocess.PIPE, stderr=stderr, text=True) as made:
        try:
            assert made.stdout is not None
            lines = (re.fullmatch(r"fabricksd: listening on http://([\d.]+):(\d+)\n", line) for line in made.stdout)
            found = next(filter(None, lines), None)
            assert found is not None
            yield made, (found[1], int(found[2]))
        finally:
            made.kill()


class Load(threading.Thread):
    """Pushes events over one connection until it breaks; remembers what was answered."""

    def __init__(self, address: tuple[str, int], token: str) -> None:
        super().__init__()
        self.accepted: list[str] = []
        self.statuses: set[int] = set()
        self.torn = 0
        self._address, self._headers = address, {"Authorization": f"Bearer {token}"}

    def run(self) -> None:
        """Push, as a client would: an answer that was begun and cut off counts as torn."""
        with closing(http.client.HTTPConnection(*self._address, timeout=20)) as connection:
            self._push(connection)

    def _push(self, connection: http.client.HTTPConnection) -> None:
        while True:
            try:
                connection.request("POST", f"{PREFIX}/ingest", b'{"name": "load"}', self._headers)
                answer = connection.getresponse()
                body = answer.read()
            except http.client.IncompleteRead:
                self.torn += 1
                return
            except (OSError, http.client.HTTPException):
                return
            self.statuses.add(answer.status)
            if answer.status == 202:
                self.accepted.append(json.loads(body)["event_id"])
            if answer.getheader("connection") == "close":
                connection.close()


UNFINISHED = """
SELECT (SELECT count(*) FROM event WHERE matched IS NULL)
     + (SELECT count(*) FROM run WHERE state IN ('queued', 'running'))
"""


def connect(address: tuple[str, int], token: str) -> None:
    """A Connection that every event of the load fires."""
    step = {"operation_id": "fabric.log", "params": {"message": "x"}}
    source = {"name": "load", "source_event": "ingest.external", "steps": [step]}
    with closing(http.client.HTTPConnection(*address, timeout=20)) as connection:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request("POST", f"{PREFIX}/connections", json.dumps(source).encode(), headers)
        assert connection.getresponse().status == 201


def rows(data: Path, sql: str) -> list[Json]:
    with closing(apsw.Connection(str(data / "fabric.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)) as database:
        return [row[0] for row in database.execute(sql)]


@pytest.mark.promise("H2", count=ROUNDS)
def test_sigterm_under_load_loses_no_accepted_event_and_ends_in_time(tmp_path: Path) -> None:
    accepted: set[str] = set()
    for number in range(ROUNDS):
        with process(tmp_path) as (server, address):
            token = (tmp_path / "admin-token").read_text().strip()
            if number == 0:
                connect(address, token)
            load = [Load(address, token) for _ in range(4)]
            for each in load:
                each.start()
            time.sleep(0.05 + 0.02 * number)
            began = time.monotonic()
            server.send_signal(signal.SIGINT if number % 2 else signal.SIGTERM)
            assert server.wait(15) == 0
            assert time.monotonic() - began < 15
            for each in load:
                each.join()
                accepted.update(each.accepted)
                assert each.statuses <= {202}
                assert each.torn == 0
    assert len(accepted) > ROUNDS * 10
    with process(tmp_path) as (server, _):
        until = time.monotonic() + 60
        while rows(tmp_path, UNFINISHED) != [0] and time.monotonic() < until:
            time.sleep(0.1)
        server.terminate()
        assert server.wait(15) == 0
    assert rows(tmp_path, UNFINISHED) == [0]
    fired = "SELECT event.id FROM run JOIN event ON event.seq = run.event_seq WHERE run.state = 'succeeded'"
    assert accepted <= set(rows(tmp_path, fired))


def test_the_first_start_says_where_the_token_is_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    with process(tmp_path) as (server, _):
        assert server.stdout is not None
        path = server.stdout.readline().rpartition(" ")[2].strip()
        assert path == str(tmp_path / "admin-token")
        assert Path(path).stat().st_mode & 0o777 == 0o600
        server.terminate()
        assert server.wait(15) == 0


def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    with process(tmp_path) as (server, address):
        token = (tmp_path / "admin-token").read_text().strip()
        body = b'{"name": "late"}'
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(
                b"POST %b/ingest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n"
                % (PREFIX.encode(), token.encode(), len(body))
            )
            time.sleep(0.3)
            server.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(address, timeout=5).close()
            connection.sendall(body)
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 202")
            assert b"connection: close" in answer
        assert server.wait(15) == 0
    assert len(rows(tmp_path, "SELECT id FROM event WHERE type = 'ingest.external'")) == 1


def test_a_caller_who_never_finishes_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with process(tmp_path, FABRIC_SHUTDOWN_SECONDS="2") as (server, address), closing(socket.socket()) as connection:
        connection.connect(address)
        connection.sendall(b"POST %b/ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n" % PREFIX.encode())
        time.sleep(0.2)
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
        assert time.monotonic() - began < 4


def test_systemd_is_told_when_the_server_is_ready_and_when_it_stops(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(10)
        with process(tmp_path / "data", NOTIFY_SOCKET=str(path)) as (server, _):
            assert listener.recv(100) == b"READY=1"
            server.send_signal(signal.SIGTERM)
            assert listener.recv(100) == b"STOPPING=1"
            assert server.wait(15) == 0


def test_a_second_server_on_the_same_data_or_port_says_why_it_does_not_start(tmp_path: Path) -> None:
    elsewhere = {"FABRICKS_SOCKET": str(tmp_path / "b.sock")}
    with process(tmp_path) as (_, address):
        for settings, code in (
            ({"FABRIC_DATA_DIR": str(tmp_path), "FABRIC_PORT": "0"}, "DAEMON_RUNNING"),
            ({"FABRIC_DATA_DIR": str(tmp_path), "FABRIC_PORT": "0", **elsewhere}, "DATA_DIR_IN_USE"),
            ({"FABRIC_DATA_DIR": str(tmp_path / "b"), "FABRIC_PORT": str(address[1])}, "ADDRESS_IN_USE"),
        ):
            second = subprocess.run(
                [sys.executable, "-m", "api.cli.daemon", "start"],
                env={**os.environ, **settings},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert second.returncode == 4
            assert code in second.stderr
