"""The server: one process, one uvloop loop, one listening socket; from exec to the last answer."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvloop

from api.app import make_app
from api.daemon.claim import Claim
from api.daemon.here import Here
from api.first_start import first_start
from api.hardening import HardProtocol, Limits
from api.listening import Listening, listen
from api.logs import configure_logs
from api.serving import Serving
from api.settings import Settings
from api.wiring import Application, build
from catalog.daemons import LOCAL_DAEMON
from catalog.errors import Unavailable
from catalog.provider import Provider
from runtime.egress import Guard
from runtime.providers import NATIVE

if TYPE_CHECKING:
    from api.daemon.forwarding import Forwarding
    from api.daemon.hosting import Hosting
    from runtime.daemon.config import DaemonConfig

_log = structlog.get_logger()

COLLECT_AFTER = 20_000
SWITCH_SECONDS = 0.0005
REQUESTS_SHARE = 0.6
"""Of the time that a stop may take: for requests under way; the rest is for runs."""


class Server:
    """What serves: `start`, then `stop`. Requests that come before the engine is up are told so.

    `services` is the other half's configuration: its daemon and socket come and go with this server. `reread` reads
    that configuration again, for a reload.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        limits: Limits | None = None,
        providers: tuple[Provider, ...] = NATIVE,
        floor: bool = False,
        services: DaemonConfig | None = None,
        reread: Callable[[], tuple[DaemonConfig, list[str]]] | None = None,
    ) -> None:
        self._settings = settings
        self._limits = limits or Limits(connections=settings.max_connections)
        self._providers = providers
        self._floor = floor
        self._socket: socket.socket | None = None
        self._listening: Listening | None = None
        self._application: Application | None = None
        self._config = services
        self._reread = reread
        self._here = Here()
        self._forwarding: Forwarding | None = None
        self.services: Hosting | None = None
        self._claim: Claim | None = None
        self.stop_asked = asyncio.Event()
        """Set where somebody asked for the end: by a signal, or at the services API."""
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
        """Listen, then bring both halves up. Raises Unavailable ADDRESS_IN_USE, and what `build` raises."""
        serving = self.serving = Serving(self._limits)
        if self._config is not None:
            claim = Claim(self._config)
            claim.take()
            self._claim = claim
        try:
            self._socket = listen(self._settings.host, self._settings.port)
            app = make_app(serving, floor=self._floor)
            self._listening = await Listening.begin(app, self._socket, HardProtocol)
            application = await build(
                self._settings, addresses=(self.address,), providers=self._providers, daemon=self._here
            )
            self._application = application
            if self._config is not None:
                self._here.expect()
                application.service_functions.expect()
                application.plugin_host.expect()
            self.token_file = await first_start(application)
            await application.start()
            serving.open(application)
            _log.info("listening", url=self.url, data=str(application.data))
            if self._config is not None and self._claim is not None:
                await self._open_services(application, self._config, self._claim)
        except BaseException:
            await self.stop()
            raise
        if self.token_file is not None:
            _log.info("first_start", organisation="default", token_file=str(self.token_file))

    async def _open_services(self, application: Application, config: DaemonConfig, claim: Claim) -> None:
        """Bring the other half up beside the first, which answers already and goes on answering."""
        hosting = await asyncio.to_thread(importlib.import_module, "api.daemon.hosting")
        forwarding = await asyncio.to_thread(importlib.import_module, "api.daemon.forwarding")
        (controller,) = await application.store.find_controllers([LOCAL_DAEMON])
        self._forwarding = forwarding.Forwarding(application.intake, controller)
        guard = Guard(self._settings.webhook_allowed_hosts, (self.address,))
        self.services = hosting.Hosting(
            config,
            claim,
            guard=guard,
            address=self._settings.host,
            reread=self._reread,
            on_shutdown=self.stop_asked.set,
            receiver=self._forwarding.send,
        )
        await self.services.open()
        self.application.plugin_host.open(self.services.workshop())
        self._here.open(self.services.inside)
        application.service_functions.open(self.services.daemon.functions, controller.organisation_id)
        self._forwarding.open()

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, close the store; within `shutdown_seconds`."""
        if self.serving is None or self.serving.stopping.is_set():
            return
        loop, allowed = asyncio.get_running_loop(), self._settings.shutdown_seconds
        requests_until = loop.time() + allowed * REQUESTS_SHARE
        until = loop.time() + allowed
        self.serving.stopping.set()
        self._here.close()
        if self._application is not None:
            self._application.service_functions.close()
        if self._forwarding is not None:
            self._forwarding.close()
        async with asyncio.TaskGroup() as both:
            if self.services is not None:
                both.create_task(self.services.close(allowed))
            if self._listening is not None:
                await self._listening.end(requests_until)
            elif self._socket is not None:
                self._socket.close()
            await self.serving.drain(max(0.0, requests_until - loop.time()))
            if self._application is not None:
                await self._application.stop(max(0.5, until - loop.time()))
        if self._listening is not None:
            self._listening.forget()
        if self._claim is not None:
            # Last, so that the next daemon starts when this one has ended.
            self._claim.release()


def serve(
    settings: Settings,
    *,
    floor: bool = False,
    services: DaemonConfig | None = None,
    reread: Callable[[], tuple[DaemonConfig, list[str]]] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; 0 once everything has ended well. Raises FabricError where it cannot start."""
    _configure_logs(settings, services)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, floor, services, reread))


def _configure_logs(settings: Settings, services: DaemonConfig | None) -> None:
    """One process, one log: where it goes the services half says; its level, whichever half asks for another."""
    if services is None:
        configure_logs(settings.log_level, settings.log_format)
        return
    daemon = services.daemon
    level = daemon.log_level if daemon.log_level != "info" else settings.log_level
    configure_logs(level, settings.log_format, daemon.log_output, daemon.log_file)


async def _serve(
    settings: Settings,
    floor: bool,
    services: DaemonConfig | None,
    reread: Callable[[], tuple[DaemonConfig, list[str]]] | None,
) -> int:
    loop = asyncio.get_running_loop()
    server = Server(settings, floor=floor, services=services, reread=reread)
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, server.stop_asked.set)
    await server.start()
    _tune_interpreter()
    _take_descriptors()
    sys.stdout.write(f"fabricksd: listening on {server.url}\n")
    if server.token_file is not None:
        sys.stdout.write(f"fabricksd: first start; the administrator's token is in {server.token_file}\n")
    sys.stdout.flush()
    notify("READY=1")
    await server.stop_asked.wait()
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


def _take_descriptors() -> None:
    """A replica takes five to seven descriptors; 1,024, the usual soft limit, would do for 150."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
