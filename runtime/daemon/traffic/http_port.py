"""HttpPort: a port of the machine at which a service answers HTTP."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from socket import socket

from catalog.errors import FabricError
from runtime.daemon.access import Access
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.traffic.answers import Answers
from runtime.daemon.traffic.http_connection import HttpConnection
from runtime.daemon.traffic.http_limits import HttpLimits
from runtime.daemon.traffic.router import Route


class HttpPort:
    """Takes connections on a bound `socket`. `spec` gives the service as it is wanted now, for Access."""

    def __init__(
        self, route: Route, access: Access, spec: Callable[[], ServiceSpec], limits: HttpLimits | None = None
    ) -> None:
        self.route = route
        self.limits = limits or HttpLimits()
        self.answers = Answers()
        self.draining = False
        self.now = time.monotonic()
        self.date = _date()
        self._access = access
        self._spec = spec
        self._judged: ServiceSpec | None = None
        self._changes = 0
        self._connections: set[HttpConnection] = set()
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

    async def open(self, bound: socket) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: HttpConnection(self), sock=bound, backlog=512)

    async def close(self, grace: float) -> None:
        """Take no more connections; those that are open may end what they are at within `grace` seconds."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        for each in tuple(self._connections):
            each.drain()
        self._empty = asyncio.Event()
        if self._connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._empty.wait()
        for each in tuple(self._connections):
            each.abort()
        if self._connections:
            await self._empty.wait()

    def take(self, connection: HttpConnection) -> bool:
        """One more; False where there are too many."""
        if len(self._connections) >= self.limits.connections or self.draining:
            return False
        if self._timer is None:
            self._tick()
        self._connections.add(connection)
        return True

    def forget(self, connection: HttpConnection) -> None:
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
        self._timer = None
        if self._connections:
            self._timer = asyncio.get_running_loop().call_later(self.limits.tick, self._tick)


def _date() -> bytes:
    return time.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime()).encode()
