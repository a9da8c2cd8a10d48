"""A real services half on a real socket: a thread of its own with its own loop, spoken to over the Unix socket."""

import asyncio
import http.client
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from api.daemon.claim import Claim
from api.daemon.hosting import Hosting
from api.daemon.socket import connect_control
from api.hardening import Limits
from catalog.jsonvalue import Json
from runtime.daemon.config import DaemonConfig, read_config
from runtime.daemon.daemon import Daemon
from tests.api.running import Reply

T = TypeVar("T")

SECONDS = 40.0


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

    def __init__(self, hosting: Hosting, socket: Path, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
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

    def error(self, method: str, path: str, body: Json = None, *, status: int) -> Json:
        """The error of an answer that must be a refusal."""
        reply = self.call(method, path, body)
        assert reply.status == status, reply.content
        assert reply.body["status"] == "error"
        assert reply.body["error"].keys() == {"code", "message", "details"}
        return reply.body["error"]


def configured(folder: Path, **overrides: str) -> DaemonConfig:
    """A configuration whose every file is in `folder`; `monitoring__prometheus_port="9"` sets [monitoring]."""
    named = {name.replace("__", ".", 1): value for name, value in overrides.items()}
    defaults = {"monitoring.prometheus_enabled": "false"}
    environment = {"HOME": str(folder), "FABRIC_DATA_DIR": str(folder)}
    return read_config(None, environment, defaults | named)[0]


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="fb", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def hosted(folder: Path, *, limits: Limits | None = None, seconds: float = 5.0, **overrides: str) -> Iterator[Hosted]:
    """Start a services half in `folder`; stop it at the end."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="daemon")
    thread.start()
    config = configured(folder, **overrides)
    claim = Claim(config)
    made: list[Hosting] = []

    async def begin() -> None:
        made.append(Hosting(config, claim, limits=limits, reread=lambda: (configured(folder, **overrides), [])))
        await made[0].open()

    try:
        claim.take()
        asyncio.run_coroutine_threadsafe(begin(), loop).result(SECONDS)
        yield Hosted(made[0], claim.path, loop, folder)
    finally:
        try:
            if made:
                asyncio.run_coroutine_threadsafe(made[0].close(seconds), loop).result(SECONDS)
        finally:
            claim.release()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
