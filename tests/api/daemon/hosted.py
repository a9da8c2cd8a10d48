"""A real services half on a real socket: a thread of its own with its own loop, spoken to over the Unix socket."""

import asyncio
import http.client
import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import uvloop

from api.daemon.claim import Claim
from api.daemon.hosting import Hosting
from api.daemon.socket import connect_control
from api.hardening import Limits
from catalog.jsonvalue import Json
from runtime.daemon.config import DaemonConfig, read_config
from runtime.daemon.daemon import Daemon
from runtime.wasm.modules.building import build
from tests.api.running import Reply

T = TypeVar("T")

SECONDS = 40.0
GUESTS = Path(__file__).parents[3] / "samples/services"


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to it."""
        self.sock: socket.socket = connect_control(self._path, SECONDS)


class Hosted:
    """A started services half and ways to speak to it."""

    def __init__(
        self,
        hosting: Hosting,
        socket: Path,
        loop: asyncio.AbstractEventLoop,
        folder: Path,
        asked_to_end: threading.Event,
    ) -> None:
        self.asked_to_end = asked_to_end
        self.hosting = hosting
        self.socket = socket
        self.loop = loop
        self.folder = folder

    @property
    def daemon(self) -> Daemon:
        """The daemon behind it."""
        return self.hosting.daemon

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something on the daemon's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(SECONDS)

    def connection(self) -> SocketConnection:
        """A connection that is made with its first request."""
        return SocketConnection(self.socket)

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request as it stands, on a connection of its own."""
        connection = self.connection()
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
            return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, content)
        finally:
            connection.close()

    def call(self, method: str, path: str, body: Json = None, **headers: str) -> Reply:
        """One request under /v1 with JSON."""
        content = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(method, f"/v1{path}", body=content, headers=named)

    def data(self, method: str, path: str, body: Json = None, *, status: int = 200) -> Json:
        """The data of an answer that must be this one."""
        reply = self.call(method, path, body)
        assert reply.status == status, reply.content
        assert reply.body["status"] == "success"
        return reply.body["data"]

    def get(self, path: str) -> Json:
        """Something that must be there."""
        return self.data("GET", path)

    def add_module(self, folder: str, reference: str) -> None:
        """Store a sample guest as it is built."""
        self.run(build(GUESTS / folder, self.daemon.modules, tag=reference, run_build=False))

    def settled(self, name: str, state: str = "running", seconds: float = 20.0) -> Json:
        """The service once it is in that state and, where it runs, all its replicas are healthy."""
        until = time.monotonic() + seconds
        while True:
            found = self.get(f"/services/{name}")
            counts = found["replicas"]
            done = state != "running" or counts["healthy"] == counts["desired"] == len(counts["instances"])
            if found["state"] == state and done:
                return found
            assert time.monotonic() < until, found
            time.sleep(0.02)

    def remove(self, name: str) -> None:
        """Make an end of a service."""
        self.data("DELETE", f"/services/{name}?force=true")

    def stream(self, path: str, **headers: str) -> "Streamed":
        """A stream under /v1, to be read line by line."""
        connection = self.connection()
        connection.request("GET", f"/v1{path}", headers={key.replace("_", "-"): each for key, each in headers.items()})
        return Streamed(connection, connection.getresponse())

    def error(self, method: str, path: str, body: Json = None, *, status: int) -> Json:
        """The error of an answer that must be a refusal."""
        reply = self.call(method, path, body)
        assert reply.status == status, reply.content
        assert reply.body["status"] == "error"
        assert reply.body["error"].keys() == {"code", "message", "details"}
        return reply.body["error"]


class Streamed:
    """An answer that goes on."""

    def __init__(self, connection: SocketConnection, answer: http.client.HTTPResponse) -> None:
        self._connection = connection
        self.answer = answer

    def line(self) -> str:
        """The next line, without its end; empty at the end of the stream too."""
        return self.answer.readline().decode().rstrip("\n")

    def rest(self) -> str:
        """All that comes until the stream ends, and ends well."""
        return self.answer.read().decode()

    def message(self) -> dict[str, str]:
        """The next message of an event stream: its fields; a comment's text stands under the empty name."""
        found: dict[str, str] = {}
        while line := self.line():
            name, _, value = line.partition(":")
            found[name] = value.removeprefix(" ")
        return found

    def event(self) -> tuple[str, Json]:
        """The next event: its type and its data."""
        while True:
            found = self.message()
            assert found, "the stream has ended"
            if "data" in found:
                return found["event"], json.loads(found["data"])

    def __enter__(self) -> "Streamed":
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()


def configured(
    folder: Path, file: Path | None = None, variables: Mapping[str, str] = MappingProxyType({}), **overrides: str
) -> tuple[DaemonConfig, list[str]]:
    """A configuration whose every file is in `folder`; `monitoring__prometheus_port="9"` sets [monitoring]."""
    named = {name.replace("__", ".", 1): value for name, value in overrides.items()}
    defaults = {"monitoring.prometheus_enabled": "false"}
    environment = {"HOME": str(folder), "FABRIC_DATA_DIR": str(folder), **variables}
    return read_config(file, environment, defaults | named)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="fb", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def hosted(
    folder: Path,
    *,
    limits: Limits | None = None,
    file: Path | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
    seconds: float = 5.0,
    **overrides: str,
) -> Iterator[Hosted]:
    """Start a services half in `folder`; stop it at the end."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="daemon")
    thread.start()
    config, _ = configured(folder, file, variables, **overrides)
    claim = Claim(config)
    made: list[Hosting] = []
    asked_to_end = threading.Event()

    async def begin() -> None:
        reread = partial(configured, folder, file, variables, **overrides)
        made.append(Hosting(config, claim, limits=limits, reread=reread, on_shutdown=asked_to_end.set))
        await made[0].open()

    try:
        claim.take()
        asyncio.run_coroutine_threadsafe(begin(), loop).result(SECONDS)
        yield Hosted(made[0], claim.path, loop, folder, asked_to_end)
    finally:
        try:
            if made:
                asyncio.run_coroutine_threadsafe(made[0].close(seconds), loop).result(SECONDS)
        finally:
            claim.release()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
