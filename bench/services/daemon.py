"""A real `fabricksd` in its own process with a data directory of its own, and the words to it that benchmarks need."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from api.cli.control import Control
from bench.load import free_port
from bench.server import Server
from bench.void import Void
from catalog.jsonvalue import Json

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "services"
READY_SECONDS = 60.0


class Daemon:
    """A running daemon, spoken to at its socket."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.control = Control(server.data / "fabricks.sock", None)

    def add_module(self, name: str) -> str:
        """Put a sample's built module into the store; its reference."""
        command = [str(Path(sys.executable).with_name("fabric")), "module", "build", "--no-build", "--json"]
        environment = {**os.environ, "FABRICKS_SOCKET": str(self.control.path)}
        ran = subprocess.run([*command, str(SAMPLES / name)], env=environment, check=True, capture_output=True)
        return str(json.loads(ran.stdout)["reference"])

    def create(self, name: str, reference: str, **wanted: Json) -> str:
        """A service on network `default`; its id."""
        body = {"name": name, "image": f"wasm://{reference}", "networks": ["default"], **wanted}
        return str(self.control.post("services", body)["id"])

    def served(self, name: str, reference: str, *, replicas: int = 1, **wanted: Json) -> str:
        """A service at a port of its own; the URL, once it answers."""
        port = free_port()
        ports = [{"host": port, "container": 8080}]
        self.create(name, reference, ports=ports, replicas={"min": replicas, "max": replicas}, **wanted)
        first_answer(port)
        return f"http://127.0.0.1:{port}"

    def tree(self) -> list[psutil.Process]:
        """Daemon, zygote and workers."""
        if self.server.process is None:
            raise Void("the daemon is gone")
        root = psutil.Process(self.server.process.pid)
        return [root, *root.children(recursive=True)]


def first_answer(port: int, path: str = "/", within: float = READY_SECONDS) -> float:
    """Ask until there is a 200; when it came (perf_counter). Raises Void."""
    until = time.perf_counter() + within
    while time.perf_counter() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return time.perf_counter()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.001)
    raise Void(f"nothing answered at port {port}")


@contextmanager
def daemon() -> Iterator[Daemon]:
    """A started daemon in a temporary directory; killed at the end, and its guests with it."""
    with tempfile.TemporaryDirectory(prefix="fb-") as folder:
        running = Server(Path(folder))
        running.start()
        try:
            yield Daemon(running)
        finally:
            running.kill()
