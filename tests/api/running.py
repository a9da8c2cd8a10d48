"""A real server on a real socket: a thread of its own with its own loop, spoken to over HTTP."""

import asyncio
import http.client
import json
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvloop

from api.hardening import Limits
from api.server import Server
from api.settings import Settings
from catalog.events import EventSpec
from catalog.jsonvalue import Json
from catalog.operations import Operation, Tier
from engine.tenancy import Actor, Credential, CredentialKind
from runtime.daemon.config import DaemonConfig
from runtime.providers import NATIVE
from tests.engine.house import Probe

T = TypeVar("T")

PREFIX = "/api/v1/fabric"


class PluginProbe:
    """A plugin's operation in the catalog; its code runs elsewhere."""

    def operations(self) -> tuple[Operation, ...]:
        """One read."""
        return (Operation(id="plugin.probe.read", title="Read", tier=Tier.PLUGIN, permission="probe.view"),)

    def events(self) -> tuple[EventSpec, ...]:
        """None."""
        return ()

    def code(self, _operation_id: str) -> None:
        """None here."""


class Reply(msgspec.Struct, frozen=True):
    """An answer: status, headers in lower case, body bytes."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Json:
        """The body as JSON."""
        return json.loads(self.content) if self.content else None


class Running:
    """A started server and ways to speak to it."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, data: Path) -> None:
        self.server = server
        self.loop = loop
        self.data = data
        self.admin = (data / "admin-token").read_text().strip()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.server.address

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something on the server's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request as it stands, on a connection of its own."""
        connection = http.client.HTTPConnection(*self.address, timeout=40)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
            return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, content)
        finally:
            connection.close()

    def call(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        token: str | None = None,
        key: str | None = None,
        **more: str,
    ) -> Reply:
        """One request of the API with JSON, as the administrator unless another credential is given."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if key is not None:
            headers["X-API-Key"] = key
        else:
            headers["Authorization"] = f"Bearer {token or self.admin}"
        content = None if body is None else json.dumps(body).encode()
        return self.ask(method, PREFIX + path, body=content, headers=headers)

    def get(self, path: str, **more: Any) -> Json:
        """A resource that must be there."""
        reply = self.call("GET", path, **more)
        assert reply.status == 200, reply.content
        return reply.body

    def person(self, name: str, *roles: str, **more: Json) -> tuple[str, str]:
        """A new person with these roles: his id and a token of his."""
        grants = [{"role": role, **more} for role in roles]
        made = self.call("POST", "/users", {"name": name, "grants": grants})
        assert made.status == 201, made.content
        return made.body["id"], self.issue(user_id=made.body["id"], kind="token")

    def issue(self, **facts: Json) -> str:
        """A new credential's text."""
        made = self.call("POST", "/keys", {"name": "test", **facts})
        assert made.status == 201, made.content
        return str(made.body["text"])

    def controller(self, name: str, **facts: Json) -> str:
        """A new controller of the probe's at the first site; its id."""
        site = self.get("/sites")["items"][0]["id"]
        made = self.call("POST", "/controllers", {"site_id": site, "name": name, "driver": "probe", **facts})
        assert made.status == 201, made.content
        return str(made.body["id"])

    def actor(self, token: str) -> tuple[Actor, Credential]:
        """Who this token speaks for."""
        return self.run(self.server.application.credentials.authenticate(token, CredentialKind.TOKEN, None))


@contextmanager
def running(
    data: Path,
    *,
    limits: Limits | None = None,
    floor: bool = False,
    services: DaemonConfig | None = None,
    **settings: Any,
) -> Iterator[Running]:
    """Start a server in `data`; stop it at the end. Writes may be applied unless the test says otherwise.

    `services` is the configuration of its services half, where it has one.
    """
    usual = {"port": 0, "adapter_read_only": False, "shutdown_seconds": 5.0}
    rates = {"ingest_limit": "100000/60s", "mcp_limit": "100000/60s"}
    chosen = Settings(data_dir=data, artifact_durable_dir=data / "durable", **{**usual, **rates, **settings})
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server")
    thread.start()
    server = Server(chosen, limits=limits, providers=(*NATIVE, Probe(), PluginProbe()), floor=floor, services=services)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
        yield Running(server, loop, data)
    finally:
        try:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
