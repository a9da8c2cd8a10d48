"""Listening: a Sanic application that answers on a socket of our own, until it is let go of."""

import asyncio
import socket
from typing import Self

from sanic import Sanic
from sanic.server import AsyncioServer, HttpProtocol

from api.hardening import AnySanic
from catalog.errors import Unavailable

BACKLOG = 1024
LOOK_SECONDS = 0.02
PORT_HINT = "Set FABRIC_PORT to a free port, or to 0 for any."


class Listening:
    """Made by `begin`; `end` takes nothing new and lets what is under way end."""

    def __init__(self, app: AnySanic, server: AsyncioServer) -> None:
        self._app = app
        self._server = server

    @classmethod
    async def begin(cls, app: AnySanic, taken: socket.socket, protocol: type[HttpProtocol]) -> Self:
        """Answer on `taken`, which is bound."""
        server = await app.create_server(sock=taken, protocol=protocol, backlog=BACKLOG, return_asyncio_server=True)
        if server is None:
            raise RuntimeError("Sanic gives no server")
        await server.startup()  # type: ignore[no-untyped-call]  # Sanic leaves it untyped
        return cls(app, server)

    async def end(self, until: float) -> None:
        """Take no connection any more; those that answer may do so until that moment of the loop's clock."""
        self._app.config.KEEP_ALIVE = False
        if self._server.server is not None:
            self._server.server.close()
        loop, connections = asyncio.get_running_loop(), self._server.connections
        while connections and loop.time() < until:
            for connection in tuple(connections):
                connection.close_if_idle()
            await asyncio.sleep(LOOK_SECONDS)
        for connection in tuple(connections):
            connection.abort()

    def forget(self) -> None:
        """Take the application out of Sanic's register: its name is free, its memory too."""
        Sanic.unregister_app(self._app)


def listen(host: str, port: int, *, hint: str = PORT_HINT) -> socket.socket:
    """A listening socket of our own. Raises Unavailable ADDRESS_IN_USE, ADDRESS_UNUSABLE."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        in_use = isinstance(error, OSError) and error.errno == 98
        raise Unavailable(
            "ADDRESS_IN_USE" if in_use else "ADDRESS_UNUSABLE",
            f"Port {port} of `{host}` is in use." if in_use else f"`{host}` port {port} cannot be listened on.",
            hint=hint,
        ) from None
    return made
