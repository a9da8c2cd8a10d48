"""Speaking to /mcp: with the official client, and message by message."""

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent, methods

from catalog.jsonvalue import Json
from tests.api.running import Reply, Running

CURRENT = "2026-07-28"
HANDSHAKE = ("2025-11-25", "2025-06-18")
META: Json = {
    "io.modelcontextprotocol/protocolVersion": CURRENT,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
ACCEPT = "application/json, text/event-stream"


@asynccontextmanager
async def assistant(server: Running, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    """The official client, connected; `mode` is `auto`, `legacy` (the handshake) or a revision."""
    host, port = server.address
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=20) as http,
        Client(streamable_http_client(f"http://{host}:{port}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def token_of(server: Running, **facts: Json) -> str:
    """A new assistant's token."""
    return server.issue(kind="assistant", **facts)


def told(result: CallToolResult) -> Json:
    """What a call answered; its text says the same as its structured content."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert json.loads(content.text) == result.structured_content
    return result.structured_content


def post(server: Running, token: str, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
    """A body as it stands."""
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": ACCEPT}
    return server.ask("POST", "/mcp", body=body, headers={**given, **(headers or {})})


def request(method: str, params: Json = None, number: Json = 1, revision: str = CURRENT) -> tuple[Json, dict[str, str]]:
    """A request as this revision has it, and the headers that go with it."""
    headers = {"Mcp-Protocol-Version": revision}
    given: Json = {**(params or {})}
    if revision == CURRENT:
        given["_meta"] = META
        headers["Mcp-Method"] = method
        if "name" in given:
            headers["Mcp-Name"] = str(given["name"])
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": given}, headers


def ask(server: Running, token: str, method: str, params: Json = None, revision: str = CURRENT, **facts: Json) -> Reply:
    """A request; what answers it is as the protocol's own models have it."""
    message, headers = request(method, params, revision=revision)
    reply = post(server, token, json.dumps(message).encode(), {**headers, **facts})
    if "result" in (reply.body or {}):
        methods.validate_server_result(method, revision, reply.body["result"])
    return reply


def call(server: Running, token: str, name: str, arguments: Json, revision: str = CURRENT) -> Json:
    """The result of a tool's call."""
    reply = ask(server, token, "tools/call", {"name": name, "arguments": arguments}, revision)
    assert reply.status == 200, reply.content
    return reply.body["result"]


class Events:
    """An open stream of server-sent events."""

    def __init__(self, connection: HTTPConnection, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._answer = connection.getresponse()
        self.status = self._answer.status
        self.headers = {key.lower(): value for key, value in self._answer.getheaders()}

    def __iter__(self) -> Iterator[Json]:
        """Messages as they come, until the stream ends."""
        while line := self._answer.readline():
            assert time.monotonic() < self._until, "nothing came in time"
            if line.startswith(b"data: "):
                yield json.loads(line[6:])

    def rest(self) -> bytes:
        """All that is still to come."""
        return self._answer.read()


@contextmanager
def listening(
    server: Running, token: str, verb: str, body: bytes | None, headers: Mapping[str, str], seconds: float = 15.0
) -> Iterator[Events]:
    """A request whose answer is a stream."""
    connection = HTTPConnection(*server.address, timeout=seconds)
    given: dict[str, Any] = {"Authorization": f"Bearer {token}", "Accept": ACCEPT, "Content-Type": "application/json"}
    try:
        connection.request(verb, "/mcp", body, {**given, **headers})
        yield Events(connection, seconds)
    finally:
        connection.close()
