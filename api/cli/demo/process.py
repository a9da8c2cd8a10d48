"""The server of the demo: a real `fabricksd start` in a process of its own."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from catalog.errors import Unavailable

START_SECONDS = 30.0
STOP_SECONDS = 20.0
HOST = "127.0.0.1"


class ServerProcess:
    """Starts and stops the server; its output goes to a log file. Port and data directory stay over restarts."""

    def __init__(self, data: Path, log: Path, settings: Mapping[str, str]) -> None:
        self._data = data
        self._log = log
        self._settings = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"

    def start(self, **settings: str) -> float:
        """Start and wait until it is ready; the seconds that took. Raises Unavailable DEMO_SERVER."""
        began = time.monotonic()
        command = [str(Path(sys.executable).with_name("fabricksd")), "start", "--host", HOST, "--port", str(self.port)]
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("FABRIC_", "ADAPTER_", "SANIC_"))
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, its arguments are our own
                [*command, "--data-dir", str(self._data)],
                env={**inherited, **self._settings, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise self._failed("does not start")
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self) -> None:
        """End it as an operator would. Raises Unavailable DEMO_SERVER where it does not end by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise self._failed("does not stop") from None

    def kill(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _failed(self, what: str) -> Unavailable:
        tail = self._log.read_text(errors="replace").splitlines()[-20:]
        sys.stderr.write("\n".join(tail) + "\n")
        return Unavailable("DEMO_SERVER", f"The demo's server {what}.", hint=f"The end of `{self._log}` is above.")


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
