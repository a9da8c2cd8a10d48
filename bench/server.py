"""A real server in its own process, on a free port and a data directory of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load import free_port
from bench.void import Void

BOOT_SECONDS = 30.0
INGEST_LIMIT = "100000000/60s"
"""The rate limit raised out of the way; printed by whoever uses it."""


class Server:
    """`fabricksd start` as a child process; `kill()` is SIGKILL, `stop()` SIGTERM."""

    def __init__(self, data: Path, environment: dict[str, str] | None = None, *, bench_routes: bool = False) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FABRIC_")},
            "FABRIC_DATA_DIR": str(data),
            "FABRIC_ARTIFACT_DURABLE_DIR": str(data / "artifacts"),
            "FABRIC_PORT": str(self.port),
            "FABRIC_LOG_LEVEL": "warning",
            "FABRIC_INGEST_LIMIT": INGEST_LIMIT,
            **(environment or {}),
        }
        program = "bench.floor_server" if bench_routes else "api.cli.daemon"
        self._command = [sys.executable, "-m", program, "start"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait for /readyz; seconds from exec to the first 200."""
        began = time.perf_counter()
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        while time.perf_counter() - began < BOOT_SECONDS:
            if self.process.poll() is not None:
                raise Void(f"the server ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                    return time.perf_counter() - began
            except (OSError, urllib.error.URLError):
                time.sleep(0.005)
        raise Void("the server did not become ready")

    def kill(self) -> None:
        """kill -9 of the whole process group."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self.process.wait(timeout=30)

    @property
    def token(self) -> str:
        """The first administrator's token."""
        return (self.data / "admin-token").read_text(encoding="utf-8").strip()

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = 30.0, **headers: str) -> Any:
        """One request as the administrator; the decoded answer. Raises urllib.error.HTTPError."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/fabric/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            method=method,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def counts(self) -> dict[str, int]:
        """What /metrics shows: rows under way (`runs.queued`, `events.undispatched`), ended runs (`ended.failed`)."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        rows = re.findall(r'^fabric_store_rows\{kind="(\w+)",state="(\w+)"\} (\S+)$', text, re.MULTILINE)
        ended = re.findall(r'^fabric_runs_total\{state="(\w+)"\} (\S+)$', text, re.MULTILINE)
        found = {f"{kind}.{state}": int(float(count)) for kind, state, count in rows}
        return {**found, **{f"ended.{state}": int(float(count)) for state, count in ended}}

    def ingest_key(self) -> str:
        """A new API key that may push events."""
        return str(self.call("POST", "keys", {"name": "bench", "kind": "key", "scopes": ["event:write"]})["text"])


@contextmanager
def server(environment: dict[str, str] | None = None, *, bench_routes: bool = False) -> Iterator[Server]:
    """A started server in a temporary directory; killed at the end."""
    with tempfile.TemporaryDirectory(prefix="fabric-bench-") as folder:
        running = Server(Path(folder), environment, bench_routes=bench_routes)
        running.start()
        try:
            yield running
        finally:
            running.kill()
