"""A line to a SIP peer: requests go out and answers come in, over UDP, TCP or TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, cast

from msgspec import UNSET

from runtime.drivers.link import Link
from runtime.drivers.voip.settings import SipSettings
from runtime.drivers.voip.sip_message import MAX_HEAD, NotSip, Request, Response, read_datagram, read_head
from runtime.egress.trust import trusting_only

FIRST_REPEAT, LAST_REPEAT = 0.5, 4.0
"""Seconds until an unanswered datagram is sent again, at first and at last (RFC 3261: T1 and T2)."""

KEPT_DATAGRAMS = 32
"""Datagrams that wait to be read; more are dropped, as the network might have."""


class Line(Protocol):
    """An open line. `local` is this end as a `Via` names it."""

    local: str
    transport: str

    async def ask(self, request: Request) -> Response:
        """Send it and wait for its final answer; the caller bounds how long. Raises NotSip, OSError, EOFError."""
        ...


@asynccontextmanager
async def line_to(link: Link, address: str, port: int) -> AsyncIterator[Line]:
    """Open a line to that address, as the controller's settings say. Raises OSError, FabricError EGRESS_TLS."""
    settings = cast(SipSettings, link.settings)
    if settings.transport == "udp":
        async with _datagrams(address, port) as datagrams:
            yield datagrams
        return
    tls = await asyncio.to_thread(_trust, settings) if settings.transport == "tls" else None
    reader, writer = await asyncio.open_connection(
        address, port, ssl=tls, server_hostname=settings.address if tls else None, limit=MAX_HEAD
    )
    try:
        yield _Stream(reader, writer, settings.transport.upper())
    finally:
        writer.transport.abort()


class _Datagrams(asyncio.DatagramProtocol):
    """Implements Line over UDP. The socket is connected: who else sends something is not heard."""

    transport = "UDP"

    def __init__(self) -> None:
        self.local = ""
        self._came: asyncio.Queue[bytes | Exception] = asyncio.Queue(KEPT_DATAGRAMS)
        self._out: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        # asyncio's own transports are none of its DatagramTransport's subclasses.
        self._out = cast(asyncio.DatagramTransport, transport)
        self.local = _written(transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """See asyncio."""
        self._keep(data)

    def error_received(self, exc: Exception) -> None:
        """See asyncio: nobody listens there."""
        self._keep(exc)

    async def ask(self, request: Request) -> Response:
        """See Line. What is no SIP, or another's answer, is as good as nothing."""
        sending = asyncio.create_task(self._send(request.written()))
        try:
            while True:
                came = await self._came.get()
                if isinstance(came, Exception):
                    raise came
                response = _read(came)
                if response is not None and response.status >= 200 and response.answers(request):
                    return response
        finally:
            sending.cancel()

    async def _send(self, datagram: bytes) -> None:
        pause = FIRST_REPEAT
        while self._out is not None:
            self._out.sendto(datagram)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_REPEAT)

    def _keep(self, came: bytes | Exception) -> None:
        if not self._came.full():
            self._came.put_nowait(came)


class _Stream:
    """Implements Line over TCP or TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, transport: str) -> None:
        self._reader, self._writer = reader, writer
        self.transport = transport
        self.local = _written(writer.transport)

    async def ask(self, request: Request) -> Response:
        """See Line."""
        self._writer.write(request.written())
        await self._writer.drain()
        while True:
            head = await self._reader.readuntil(b"\r\n\r\n")
            if not head.strip():
                # Sent to keep the line open (RFC 5626).
                continue
            response = read_head(head)
            await self._reader.readexactly(response.body_length or 0)
            if response.status >= 200 and response.answers(request):
                return response


@asynccontextmanager
async def _datagrams(address: str, port: int) -> AsyncIterator[_Datagrams]:
    loop = asyncio.get_running_loop()
    transport, datagrams = await loop.create_datagram_endpoint(_Datagrams, remote_addr=(address, port))
    try:
        yield datagrams
    finally:
        transport.close()


def _read(datagram: bytes) -> Response | None:
    try:
        return read_datagram(datagram)
    except NotSip:
        return None


def _written(transport: asyncio.BaseTransport) -> str:
    host, port = transport.get_extra_info("sockname")[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _trust(settings: SipSettings) -> ssl.SSLContext:
    return ssl.create_default_context() if settings.ca_file is UNSET else trusting_only(settings.ca_file)
