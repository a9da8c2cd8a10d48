"""The reference's example programs, unchanged but for paths and names; those that never end are ended."""

import ast
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.jsonvalue import Json
from runtime.wasm.messages import encode_request
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.reference.samples import PROGRAMS, curls
from tests.reference.shapes import differences
from tests.reference.world import adapted, environment, line_with, node_modules, running

SECONDS = 60
FASTER = "const slow = setInterval; global.setInterval = (f, ms) => slow(f, ms / 100);"
"""The same program on a quicker clock: its 30 seconds are 0.3."""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    """A daemon with the modules that the programs name."""
    with short_folder() as folder, hosted(folder) as made:
        for reference in ("my-api:v1.0.0", "rust-http:0.1.0"):
            made.add_module("hello", reference)
        yield made


def put(daemon: Hosted, name: str, program: str, **names: str) -> str:
    """A program's file with the daemon's path and these names in it."""
    path = daemon.folder / name
    path.write_text(adapted((PROGRAMS / program).read_text(), daemon, names))
    return str(path)


def ask(daemon: Hosted, service_id: str, path: str) -> None:
    """Ask the guest past its network, which is internal."""
    answered = threading.Event()
    message = encode_request(b"GET", path.encode(), [], b"")
    daemon.loop.call_soon_threadsafe(daemon.daemon.router.forward, service_id, message, lambda _: answered.set())
    assert answered.wait(10)


@pytest.mark.reference("program bash")
def test_bash_creates_a_service_waits_for_it_and_follows_its_log(daemon: Hosted) -> None:
    script = put(daemon, "create.sh", "create_and_wait.sh")
    with running("bash", script) as process:
        service_id = line_with(process, "Created service: ").split()[-1]
        assert service_id.startswith("my-api-")
        line_with(process, "Service is healthy!")
        ask(daemon, service_id, "/log?text=hello")
        entry = json.loads(line_with(process, "hello"))
    assert entry["stream"] in ("stdout", "stderr")
    daemon.remove("my-api")


@pytest.mark.reference("program python")
def test_python_prints_events_as_they_come(daemon: Hosted) -> None:
    script = put(daemon, "events.py", "print_events.txt")
    with running(sys.executable, "-u", script) as process:
        while not daemon.hosting.door.streams:
            assert process.poll() is None
        daemon.data("POST", "/networks", {"name": "printed"}, status=201)
        event = ast.literal_eval(line_with(process, "Event: ").removeprefix("Event: "))
    assert event["name"] == "printed"


@pytest.mark.reference("program javascript")
def test_javascript_scales_a_service_down_and_up(daemon: Hosted, tmp_path: Path) -> None:
    body = {
        "name": "api-service",
        "image": "my-api:v1.0.0",
        "resources": {"cpu": 0.1},
        "replicas": {"min": 1, "max": 10},
    }
    made = daemon.data("POST", "/services", {**body, "networks": ["default"]}, status=201)
    daemon.data("POST", "/services/api-service/scale", {"replicas": 3})
    daemon.settled("api-service")
    script = put(daemon, "autoscale.js", "autoscale.js", **{"api-service-a1b2c3": made["id"]})
    faster = tmp_path / "faster.js"
    faster.write_text(FASTER)
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            daemon.ask("GET", "/v1/services/api-service/proxy/spin?ms=20")

    callers = [threading.Thread(target=load) for _ in range(4)]
    with running("node", "-r", str(faster), script, NODE_PATH=str(node_modules())) as process:
        try:
            assert line_with(process, "Scaled") == "Scaled down to 2 replicas\n"
            for each in callers:
                each.start()
            assert line_with(process, "Scaled") == "Scaled up to 4 replicas\n"
        finally:
            stop.set()
    for each in callers:
        each.join()
    daemon.remove("api-service")


CURLS = list(enumerate(curls()))


@pytest.fixture(scope="module")
def named(daemon: Hosted) -> Iterator[dict[str, str]]:
    """The names that the curl lines have, and what they are here."""
    body = {"name": "my-service", "image": "my-api:v1.0.0", "networks": ["default"]}
    made = daemon.data("POST", "/services", body, status=201)
    daemon.settled("my-service")
    yield {"srv_abc123": made["id"]}
    daemon.remove("my-service")


@pytest.mark.reference("program curl *")
@pytest.mark.parametrize(("number", "line"), CURLS, ids=[f"curl {number}" for number, _ in CURLS])
def test_curl_lines_are_answered(daemon: Hosted, named: dict[str, str], number: int, line: str) -> None:
    names = {printed: ours for printed, ours in named.items() if printed in line}
    command = adapted(line, daemon, names)
    if "-N" in command:
        with running("bash", "-c", command) as process:
            line_with(process, "retry: ")
            made = daemon.data("POST", "/services", {"name": "curled", "image": "my-api:v1.0.0"}, status=201)
            line_with(process, "event: service.started")
            assert made["id"] in line_with(process, "data: ")
        daemon.remove("curled")
        return
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=SECONDS, check=True, env=environment()
    )
    answer: Json = json.loads(done.stdout)
    assert list(differences({"status": "success", "data": {}}, answer)) == []
    assert answer["status"] == "success"
    if "POST" in command:
        daemon.remove(answer["data"]["id"])
