"""Peers that mean harm, through a real server: each costs its own step, in its time, with a code, and nobody else.

A Connection beside them goes on at its own pace; the figures are printed (`pytest -s`) and go into the report.
"""

import resource
import socket
import ssl
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from catalog.jsonvalue import Json
from engine.runs import Run, RunState
from tests.api.running import Running, running
from tests.modules.peers.certificate_files import self_signed
from tests.modules.peers.hostile_http import Behaviour, floods, hangs, hostile, resets, says
from tests.modules.peers.http_camera import http_camera

PATIENCE = 1.0
"""Seconds that each hostile controller is given."""

EACH, BESIDE = 15, 60
"""Runs against each hostile peer, and of the Connection beside."""

PICTURE = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"


def lies(head: bytes) -> Behaviour:
    """Announces much more than it sends."""
    return says(head + b"Content-Length: 900000\r\n\r\n" + b"\xff\xd8 a little")


def shows(certificate: Path) -> Behaviour:
    """Speaks TLS with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)

    return behave


class Street:
    """A server with hostile controllers and a good one, and a Connection for each."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self._site = server.get("/sites")["items"][0]["id"]
        self._connections: dict[str, str] = {}
        self._fired = 0

    def add(self, name: str, driver: str, settings: Json, credentials: Json, operation: str, params: Json) -> None:
        """A controller, and a Connection that asks it and goes on with a step of its own."""
        body = {"site_id": self._site, "name": name, "driver": driver, "settings": settings, "credentials": credentials}
        made = self.server.call("POST", "/controllers", body)
        assert made.status == 201, made.content
        aim = {"controller_id": made.body["id"], **params}
        steps = [
            {"id": "ask", "operation_id": operation, "params": aim, "continue_on_error": True},
            {"id": "beside", "operation_id": "probe.echo", "params": {"value": "well"}},
        ]
        source = {
            "name": name,
            "source_event": "ingest.external",
            "max_rate": "1000/s",
            "conditions": [{"field": "trigger.name", "operator": "eq", "value": name}],
            "steps": steps,
        }
        kept = self.server.call("POST", "/connections", source)
        assert kept.status == 201, kept.content
        self._connections[name] = kept.body["id"]

    def fire(self, name: str) -> None:
        """One event for that Connection."""
        assert self.server.call("POST", "/ingest", {"name": name}).status == 202

    def runs(self, name: str, count: int, seconds: float = 60.0) -> list[Run]:
        """Its latest runs, once there are so many and all are over."""
        store, organisation = self.server.server.application.store, self.server.get("/me")["organisation_id"]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            page = self.server.run(store.list_runs(organisation, 200, None, connection_id=self._connections[name]))
            if len(page.items) >= count and all(each.state.over for each in page.items):
                return [self.server.run(store.get_run(organisation, each.id)) for each in page.items[:count]]
            time.sleep(0.05)
        raise AssertionError(f"{name}: {[(each.state, each.queued_at) for each in page.items]}")

    def pace(self, name: str, count: int, others: Sequence[str] = ()) -> list[float]:
        """How long its runs take from event to end, in seconds, sorted; with each event comes one of another."""
        self._fired += count
        for number in range(count):
            if others:
                self.fire(others[number % len(others)])
            self.fire(name)
            time.sleep(0.01)
        runs = self.runs(name, self._fired)[:count]
        assert all(each.state is RunState.SUCCEEDED and each.steps[0].error is None for each in runs)
        return sorted((each.ended_at or 0.0) - each.queued_at for each in runs)


Kind = tuple[str, Json, str, Json]
"""Driver, credentials, operation and its parameters."""

CAMERA: Kind = ("http", {}, "cameras.snapshot", {"camera_id": "porch"})
BUCKET: Kind = (
    "s3",
    {"access_key_id": "canary-access", "secret_access_key": "canary-secret-key"},
    "storage.list_blobs",
    {},
)


def add_hostile(street: Street, name: str, kind: Kind, address: str, trusted: str | None) -> None:
    driver, credentials, operation, params = kind
    settings: Json = {"address": address, "timeout_seconds": PATIENCE}
    settings |= {"cameras": {"porch": {"path": "/snap.jpg"}}} if driver == "http" else {"bucket": "home"}
    if trusted is not None:
        settings["ca_file"] = trusted
    street.add(name, driver, settings, credentials, operation, params)


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """All of them."""
    expired, certificate = self_signed(days=-1)
    (tmp_path / "expired.pem").write_text(expired)
    (tmp_path / "trusted.pem").write_text(certificate)
    with ExitStack() as stack:
        made = Street(stack.enter_context(running(tmp_path / "data")))
        good = stack.enter_context(http_camera())
        cameras: Json = {"porch": {"path": "/snap.jpg"}}
        settings: Json = {"address": good.url, "cameras": cameras, "timeout_seconds": 10}
        made.add("good", "http", settings, {}, "cameras.snapshot", {"camera_id": "porch"})
        for what, head, kind in (("camera", PICTURE, CAMERA), ("bucket", PAGE, BUCKET)):
            behaviours: dict[str, tuple[Behaviour, str]] = {
                "hangs": (hangs, "http"),
                "resets": (resets, "http"),
                "lies": (lies(head), "http"),
                "floods": (floods(head + b"\r\n"), "http"),
                "expired": (shows(tmp_path / "expired.pem"), "https"),
            }
            for name, (behave, scheme) in behaviours.items():
                port = stack.enter_context(hostile(behave))
                trusted = str(tmp_path / "trusted.pem") if scheme == "https" else None
                add_hostile(made, f"{what}-{name}", kind, f"{scheme}://127.0.0.1:{port}", trusted)
        yield made


CODES = {
    "hangs": {"TARGET_TIMEOUT"},
    "resets": {"TARGET_REFUSED", "TARGET_UNREACHABLE"},
    "lies": {"TARGET_REFUSED", "TARGET_UNREACHABLE"},
    "floods": {"TARGET_REFUSED"},
    "expired": {"TARGET_UNREACHABLE"},
}


def check(run: Run, codes: set[str]) -> None:
    """Its own step failed, in its time, with a code that says so; the step beside it went on."""
    ask, beside = run.steps
    assert ask.error is not None, run
    assert ask.error.code in codes, ask.error
    assert f"`{run.connection_name}`" in ask.error.message
    assert ask.error.hint
    assert "canary" not in f"{ask.error}"
    assert beside.state.value == "succeeded"
    assert (ask.ended_at or 0) - (ask.started_at or 0) < PATIENCE + 1.5


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


@pytest.mark.covers("cameras.snapshot", driver="http", peer="hostile")
@pytest.mark.covers("storage.list_blobs", driver="s3", peer="hostile")
def test_a_peer_that_means_harm_costs_its_own_step_and_nobody_elses_pace(
    street: Street, record_property: Callable[[str, object], None]
) -> None:
    names = [f"{what}-{name}" for what in ("camera", "bucket") for name in CODES]
    street.pace("good", 5)
    alone = street.pace("good", BESIDE)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(EACH):
        for name in names:
            street.fire(name)
    beside = street.pace("good", BESIDE, names)
    runs = {name: street.runs(name, EACH + BESIDE // len(names)) for name in names}
    for name, found in runs.items():
        for run in found:
            check(run, CODES[name.partition("-")[2]])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    figures = (
        f"good alone: median {statistics.median(alone) * 1e3:.1f} ms, p99 {p99(alone) * 1e3:.1f} ms; beside "
        f"{len(names)} hostile ({sum(map(len, runs.values()))} runs): median {statistics.median(beside) * 1e3:.1f} ms, "
        f"p99 {p99(beside) * 1e3:.1f} ms; memory grew {grown:.0f} MiB"
    )
    print(figures)
    record_property("figures", figures)
    record_property("peer_version", "of this test's own")
    assert p99(beside) < PATIENCE, "a good run waits for no hostile one"
    assert statistics.median(beside) < max(20 * statistics.median(alone), 0.25)
    assert grown < 256, "a gibibyte is not kept"
