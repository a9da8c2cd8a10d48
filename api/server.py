"""The server: one process, one uvloop loop, one listening socket; from exec to the last answer."""

import asyncio
import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

import structlog
import uvloop
from sanic import Sanic
from sanic.server import AsyncioServer

from api.app import make_app
from api.first_start import first_start
from api.hardening import AnySanic, HardProtocol, Limits
from api.logs import configure_logs
from api.serving import Serving
from api.settings import Settings
from api.wiring import Application, build
from catalog.errors import Unavailable
from catalog.provider import Provider
from runtime.providers import NATIVE

_log = structlog.get_logger()

BACKLOG = 1024
COLLECT_AFTER = 20_000
SWITCH_SECONDS = 0.0005
REQUESTS_SHARE = 0.6
"""Of the time that a stop may take: for requests under way; the rest is for runs."""


class Server:
    """What serves: `start`, then `stop`. Requests that come before the engine is up are told so."""

    def __init__(
        self,
        settings: Settings,
        *,
        limits: Limits | None = None,
        providers: tuple[Provider, ...] = NATIVE,
        floor: bool = False,
    ) -> None:
        self._settings = settings
        self._limits = limits or Limits(connections=settings.max_connections)
        self._providers = providers
        self._floor = floor
        self._socket: socket.socket | None = None
        self._listening: AsyncioServer | None = None
        self._application: Application | None = None
        self._app: AnySanic | None = None
        self.serving: Serving | None = None
        self.token_file: Path | None = None
        """Where the first start put the administrator's token; None on every other start."""

    @property
    def application(self) -> Application:
        """The application, once `start` is over."""
        if self._application is None:
            raise Unavailable("NOT_READY", "The server is starting.")
        return self._application

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        if self._socket is None:
            raise Unavailable("NOT_READY", "The server does not listen yet.")
        found = self._socket.getsockname()
        return str(found[0]), int(found[1])

    @property
    def url(self) -> str:
        """Where it listens, as a URL."""
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Listen, then bring the engine up. Raises Unavailable ADDRESS_IN_USE, and what `build` raises."""
        serving = self.serving = Serving(self._limits)
        self._socket = listen(self._settings.host, self._settings.port)
        try:
            self._app = app = make_app(serving, floor=self._floor)
            server = await app.create_server(
                sock=self._socket, protocol=HardProtocol, backlog=BACKLOG, return_asyncio_server=True
            )
            if server is None:
                raise RuntimeError("Sanic gives no server")
            await server.startup()  # type: ignore[no-untyped-call]  # Sanic leaves it untyped
            self._listening = server
            application = await build(self._settings, addresses=(self.address,), providers=self._providers)
            self._application = application
            self.token_file = await first_start(application)
            await application.start()
        except BaseException:
            await self.stop()
            raise
        serving.open(application)
        _log.info("listening", url=self.url, data=str(application.data))
        if self.token_file is not None:
            _log.info("first_start", organisation="default", token_file=str(self.token_file))

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, close the store; within `shutdown_seconds`."""
        if self.serving is None or self.serving.stopping.is_set():
            return
        loop, allowed = asyncio.get_running_loop(), self._settings.shutdown_seconds
        began = loop.time()
        self.serving.stopping.set()
        if self._app is not None:
            self._app.config.KEEP_ALIVE = False
        if self._listening is not None and self._listening.server is not None:
            self._listening.server.close()
            await self._let_go(self._listening, began + allowed * REQUESTS_SHARE)
        elif self._socket is not None:
            self._socket.close()
        await self.serving.drain(max(0.0, began + allowed * REQUESTS_SHARE - loop.time()))
        if self._application is not None:
            await self._application.stop(max(0.5, began + allowed - loop.time()))
        if self._app is not None:
            Sanic.unregister_app(self._app)

    async def _let_go(self, listening: AsyncioServer, until: float) -> None:
        loop = asyncio.get_running_loop()
        connections = listening.connections
        while connections and loop.time() < until:
            for connection in tuple(connections):
                connection.close_if_idle()
            await asyncio.sleep(0.02)
        for connection in tuple(connections):
            connection.abort()


def listen(host: str, port: int) -> socket.socket:
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
            hint="Set FABRIC_PORT to a free port, or to 0 for any.",
        ) from None
    return made


def serve(settings: Settings, *, floor: bool = False) -> int:
    """Serve until SIGTERM or SIGINT; 0 once everything has ended well. Raises FabricError where it cannot start."""
    configure_logs(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, floor))


async def _serve(settings: Settings, floor: bool) -> int:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, asked.set)
    server = Server(settings, floor=floor)
    await server.start()
    _tune_interpreter()
    sys.stdout.write(f"fabricksd: listening on {server.url}\n")
    if server.token_file is not None:
        sys.stdout.write(f"fabricksd: first start; the administrator's token is in {server.token_file}\n")
    sys.stdout.flush()
    notify("READY=1")
    await asked.wait()
    notify("STOPPING=1")
    _log.info("stopping")
    await server.stop()
    _log.info("stopped")
    return 0


def notify(state: str) -> None:
    """Tell systemd, where it asked to be told (sd_notify)."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
        to.sendto(state.encode(), path.replace("@", "\0", 1))


def _tune_interpreter() -> None:
    """Fit the interpreter to a loop with one helper thread that a commit comes back from.

    The commit's thread gets the GIL back within half a millisecond and not five. What the start has made is left out of
    every later collection, and the young are collected less often: a request makes a few hundred objects that go by
    reference count alone. Measured in docs/benchmarks.md.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
