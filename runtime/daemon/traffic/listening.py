"""Listening: what HTTP and TCP ports of services have in common: their socket, who may come in, draining."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from catalog.errors import FabricError, Unavailable
from runtime.daemon.access import Access
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.traffic.router import Route

BACKLOG = 512


class Connection(Protocol):
    """One client."""

    def look(self, now: float) -> None:
        """End it if its time is up; `now` is monotonic."""
        ...

    def drain(self) -> None:
        """End as soon as nothing is under way."""
        ...

    def abort(self) -> None:
        """End now."""
        ...


class Port:
    """Takes connections for a service. `spec` gives it as it is wanted now. `tick` seconds lie between two looks."""

    def __init__(
        self, route: Route, access: Access, spec: Callable[[], ServiceSpec], *, connections_most: int, tick: float
    ) -> None:
        self.route = route
        self.draining = False
        self.now = time.monotonic()
        self.date = _date()
        self._access = access
        self._spec = spec
        self._most = connections_most
        self._seconds = tick
        self._judged: ServiceSpec | None = None
        self._changes = 0
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def verdict(self) -> int:
        """Changes whenever somebody who was let in may not be any more, or the other way round."""
        spec = self._spec()
        if spec is not self._judged:
            self._judged = spec
            self._changes += 1
        return self._access.generation + self._changes

    def refuses(self, address: str) -> FabricError | None:
        """Why somebody at this address may not come in; None: he may."""
        try:
            self._access.ingress(self._spec(), address)
        except FabricError as error:
            return error
        return None

    async def open(self, bound: socket.socket) -> None:
        """Listen on a bound socket."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=bound, backlog=BACKLOG)

    def _connection(self) -> asyncio.Protocol:
        raise NotImplementedError

    async def close(self, grace: float) -> None:
        """Take no more connections; those that are open may end what they are at within `grace` seconds."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for each in tuple(self._connections):
            each.drain()
        if self._connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._empty.wait()
        for each in tuple(self._connections):
            each.abort()
        if self._connections:
            await self._empty.wait()
        if self._timer is not None:
            self._timer.cancel()

    def take(self, connection: Connection) -> bool:
        """One more; False where there are too many."""
        if len(self._connections) >= self._most or self.draining:
            return False
        self._connections.add(connection)
        self._empty.clear()
        if self._timer is None:
            self._tick()
        return True

    def forget(self, connection: Connection) -> None:
        """It is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _tick(self) -> None:
        """Look at all deadlines; without connections there is no tick."""
        self.now = time.monotonic()
        self.date = _date()
        for each in tuple(self._connections):
            each.look(self.now)
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._tick) if self._connections else None


def bind(address: str, port: int) -> socket.socket:
    """A socket bound to a TCP port. Raises Unavailable PORT_UNAVAILABLE."""
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind((address, port))
        # A second listener on the same port is refused here, and not when the first connection comes.
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise _unavailable(address, port, error) from None
    return bound


def end_writing(transport: asyncio.WriteTransport) -> None:
    """Tell the client that nothing more comes; end it where he is gone."""
    if transport.is_closing() or not transport.can_write_eof():
        return
    try:
        transport.write_eof()
    except OSError:
        transport.abort()


def _unavailable(address: str, port: int, error: OSError) -> Unavailable:
    if error.errno == errno.EADDRINUSE:
        why, hint = "another process listens there", "End that process, or name another host port."
    elif error.errno == errno.EACCES:
        why, hint = "the daemon's user may not", "Name a host port over 1023."
    else:
        why, hint = error.strerror or "it is refused", "Look at the address that services listen on."
    return Unavailable("PORT_UNAVAILABLE", f"Port {port} of {address} cannot be listened on: {why}.", hint=hint)


def _date() -> bytes:
    return time.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime()).encode()
