"""TcpConnection: a client and the pipes of a guest's instance, joined. No task once they are.

Each side is read only as fast as the other takes it. What either ends, ends that direction alone: a client that has
sent everything gets the answer still, and a guest that has closed its output may read on.
"""

import asyncio
import os
from typing import TYPE_CHECKING, cast

from catalog.errors import FabricError
from runtime.daemon.traffic.listening import end_writing
from runtime.daemon.traffic.router import Seat

if TYPE_CHECKING:
    from runtime.daemon.traffic.tcp_port import TcpPort

AHEAD_MOST = 256 * 1024
"""Bytes from a client that wait for his guest to be there."""


class TcpConnection(asyncio.Protocol):
    """The client's side, and what joins it with the guest's."""

    def __init__(self, port: "TcpPort") -> None:
        self._port = port
        self._client: asyncio.Transport | None = None
        self._joining: asyncio.Task[None] | None = None
        self._seat: Seat | None = None
        self._began = port.now
        self._used = port.now
        self._received = self._sent = 0
        self._early: list[bytes] = []
        self._ended = False
        self.to_guest: asyncio.WriteTransport | None = None
        self.from_guest: asyncio.ReadTransport | None = None

    # The client's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if there is room and he may."""
        self._client = client = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not self._port.take(self):
            client.abort()
        elif self._port.refuses(str(peer[0]) if peer else "") is not None:
            client.close()
        else:
            self._began = self._used = self._port.now
            self._joining = asyncio.create_task(self._join())

    def data_received(self, data: bytes) -> None:
        """From the client to the guest."""
        self._used = self._port.now
        self._received += len(data)
        if self.to_guest is not None:
            self.to_guest.write(data)
            return
        self._early.append(data)
        if self._client is not None and sum(map(len, self._early)) > AHEAD_MOST:
            self._client.pause_reading()

    def eof_received(self) -> bool:
        """The client has sent everything; the guest may answer still."""
        self._ended = True
        if self.to_guest is not None:
            self.to_guest.close()
        return True

    def pause_writing(self) -> None:
        """The client takes no more: the guest is not read."""
        if self.from_guest is not None:
            self.from_guest.pause_reading()

    def resume_writing(self) -> None:
        """The client takes more."""
        if self.from_guest is not None and not self.from_guest.is_closing():
            self.from_guest.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and what he had is let go."""
        self._client = None
        if self._joining is not None:
            self._joining.cancel()
        self._let_go()
        route = self._port.route
        if self._seat is not None:
            route.give_back(self._seat, self)
            route.meter.count_connection(self._port.now - self._began, self._received, self._sent)
        self._port.forget(self)

    def _let_go(self) -> None:
        if self.to_guest is not None:
            self.to_guest.abort()
        if self.from_guest is not None:
            self.from_guest.close()

    # The guest's side.

    async def _join(self) -> None:
        route, loop = self._port.route, asyncio.get_running_loop()
        try:
            self._seat = await route.take_seat(self)
            pipes = await self._seat.replica.connect()
        except FabricError:
            # There is no word in this protocol for it: the connection ends without an answer.
            self.abort()
            return
        # From here on the pipes are ours to close, so that nothing may come between.
        self._joining = None
        await loop.connect_write_pipe(lambda: _ToGuest(self), os.fdopen(pipes.stdin, "wb", 0))
        await loop.connect_read_pipe(lambda: _FromGuest(self), os.fdopen(pipes.stdout, "rb", 0))
        if self._client is None:
            self._let_go()

    def guest_takes(self, transport: asyncio.WriteTransport) -> None:
        """The guest reads: it gets what has come already."""
        self.to_guest = transport
        early, self._early = self._early, []
        for piece in early:
            transport.write(piece)
        if self._ended:
            transport.close()
        if early:
            self.guest_reads_on()

    def guest_wrote(self, data: bytes) -> None:
        """From the guest to the client."""
        self._used = self._port.now
        self._sent += len(data)
        if self._client is not None:
            self._client.write(data)

    def guest_is_slow(self) -> None:
        """The guest takes no more: the client is not read."""
        if self._client is not None and not self._client.is_closing():
            self._client.pause_reading()

    def guest_reads_on(self) -> None:
        """The guest takes more."""
        if self._client is not None and not self._client.is_closing():
            self._client.resume_reading()

    def guest_is_deaf(self) -> None:
        """The guest has closed its input; what the client sends from now on is for nobody."""
        self.to_guest = _NOBODY
        self.guest_reads_on()
        self._end_if_done()

    def guest_is_silent(self) -> None:
        """The guest has closed its output."""
        self.from_guest = None
        if self._client is not None:
            end_writing(self._client)
        self._end_if_done()

    def _end_if_done(self) -> None:
        """A guest that neither reads nor writes has ended."""
        if self._client is not None and self.from_guest is None and self.to_guest is _NOBODY:
            self._client.close()

    # The port's.

    def look(self, now: float) -> None:
        """End it if nothing has moved for too long."""
        if now - self._used > self._port.limits.idle_seconds:
            self.abort()

    def drain(self) -> None:
        """It ends with its guest, or when the time is up."""

    def abort(self) -> None:
        """End now."""
        if self._client is not None:
            self._client.abort()


class _ToGuest(asyncio.BaseProtocol):
    """The guest's stdin."""

    def __init__(self, connection: TcpConnection) -> None:
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection.guest_takes(cast(asyncio.WriteTransport, transport))

    def pause_writing(self) -> None:
        self._connection.guest_is_slow()

    def resume_writing(self) -> None:
        self._connection.guest_reads_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.guest_is_deaf()


class _FromGuest(asyncio.Protocol):
    """The guest's stdout."""

    def __init__(self, connection: TcpConnection) -> None:
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection.from_guest = cast(asyncio.ReadTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._connection.guest_wrote(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.guest_is_silent()


class _Nobody(asyncio.WriteTransport):
    """Takes what nobody reads."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Drop it."""

    def close(self) -> None:
        """Nothing to close."""

    def abort(self) -> None:
        """Nothing to end."""


_NOBODY = _Nobody()
