"""The outside world, pretended: a resolver that answers from a table, and sockets that all lead to one server here."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import AddrInfoType


class Names:
    """A resolver: the answers of the 1st, 2nd, … look-up of each name; the last answers stay."""

    def __init__(self, table: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._table = table
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        answers = self._table.get(host, ())
        number = self.asked.count(host)
        self.asked.append(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return answers[min(number, len(answers) - 1)]


@dataclass
class Seen:
    """One request as it arrived."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Outside:
    """What was connected to (the addresses given to connect(), in order), asked for by SNI, and requested.

    `failures` are errno values for the first attempts; `answer` is the raw answer to every request.
    """

    path: Path
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    failures: list[int] = field(default_factory=list)
    connects: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    requests: list[Seen] = field(default_factory=list)

    def open_socket(self, info: AddrInfoType) -> socket.socket:
        """The fake connector: a socket whose connect() is recorded and led to this server."""
        outside = self

        class Diverted(socket.socket):
            def connect(self, address: Any) -> None:
                outside.connects.append(address[0])
                if outside.failures:
                    raise OSError(outside.failures.pop(0), "made to fail")
                super().connect(str(outside.path))

        return Diverted(socket.AF_UNIX, info[1])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            pairs = [line.partition(":") for line in head[1:] if line]
            seen = Seen(head[0], [(name, value.strip()) for name, _, value in pairs], b"")
            length = seen.values("content-length")
            seen.body = await reader.readexactly(int(length[0])) if length else b""
            self.requests.append(seen)
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client went away, as clients that have enough do
        finally:
            writer.close()


@asynccontextmanager
async def outside(folder: Path, tls: ssl.SSLContext | None = None) -> AsyncIterator[Outside]:
    """A running Outside; with `tls` it speaks that on every connection."""
    world = Outside(folder / "outside.sock")
    if tls is not None:

        def note(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
            world.names.append(name)

        tls.sni_callback = note
    server = await asyncio.start_unix_server(world.serve, world.path, ssl=tls)
    try:
        yield world
    finally:
        server.close()
        await server.wait_closed()
