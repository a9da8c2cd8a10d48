"""Hosting: the services half of the process: its socket, its daemon, its listeners, from claim to close."""

import asyncio
import socket
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import structlog
from sanic.server import HttpProtocol

from api.daemon.app import make_app
from api.daemon.door import Door, Ending
from api.daemon.metrics_page import make_metrics_app
from api.daemon.peers import PeerProtocol, Peers
from api.daemon.pidfile import PidFile
from api.daemon.socket import bind_control, remove_control
from api.hardening import AnySanic, HardProtocol, Limits
from api.listening import Listening, listen
from api.logs import set_level
from catalog.errors import Unavailable
from runtime.daemon.config import DaemonConfig
from runtime.daemon.daemon import Daemon

_log = structlog.get_logger()

LISTEN_HINT = "Set `listen` of [api] to HOST:PORT of this machine, or leave it out."
METRICS_HINT = "Set `prometheus_port` of [monitoring] to a free port, or `prometheus_enabled` to false."
METRICS_HOST = "127.0.0.1"
REQUESTS_SECONDS = 5.0
"""Of the time that a stop may take: for requests under way."""


class Hosting:
    """`claim` what only one process may have, `open`, and `close` at the end."""

    def __init__(
        self,
        config: DaemonConfig,
        *,
        reread: Callable[[], tuple[DaemonConfig, list[str]]] | None = None,
        limits: Limits | None = None,
        on_shutdown: Callable[[], None] | None = None,
    ) -> None:
        self._config = config
        self._limits = limits or Limits(request_seconds=config.api.timeout, body_bytes=config.api.max_body_size)
        self._pid = PidFile(config.daemon.pid_file)
        self._socket: socket.socket | None = None
        self._inode = 0
        self._listening: list[Listening] = []
        self.daemon = Daemon(config, version=version("fabricksd"), reread=reread, applied=_applied)
        self.door = Door(self.daemon, self._limits, on_shutdown=on_shutdown)

    @property
    def path(self) -> Path:
        """Where the socket lies."""
        return self._config.daemon.socket

    def claim(self) -> None:
        """Take the pid file and the socket; requests wait there until `open`. Raises Conflict DAEMON_RUNNING."""
        self._pid.take()
        try:
            self._socket = bind_control(self.path, group=self._config.security.default_user)
            self._inode = self.path.lstat().st_ino
        except BaseException:
            self._pid.release()
            raise

    async def open(self) -> None:
        """Bring the daemon up and answer. Raises FabricError where it cannot."""
        if self._socket is None:
            raise RuntimeError("open before claim")
        await self.daemon.start()
        await self._listen(make_app(self.door, Peers.of(self.path)), self._socket, PeerProtocol)
        if self._config.api.listen:
            host, _, port = self._config.api.listen.rpartition(":")
            await self._listen(make_app(self.door, None), listen(host.strip("[]"), int(port), hint=LISTEN_HINT))
        await self._open_metrics()
        _log.info("services_listening", socket=str(self.path), data=str(self._config.daemon.data_dir))

    async def close(self, seconds: float) -> None:
        """Take nothing new, end what is under way, stop every service; in as much time as was asked for, or `seconds`.

        What was claimed is given back last, so that the next daemon starts when this one has ended.
        """
        loop = asyncio.get_running_loop()
        ending = self.door.ending or Ending(seconds=seconds, force=False)
        self.door.stopping.set()
        until = loop.time() + min(ending.seconds, REQUESTS_SECONDS)
        for each in self._listening:
            await each.end(until)
        if self._socket is not None and not self._listening:
            self._socket.close()
        await self.door.drain(max(0.0, until - loop.time()))
        await self.daemon.stop(ending.seconds, force=ending.force)
        for each in self._listening:
            each.forget()
        if self._socket is not None:
            remove_control(self.path, self._inode)
        self._pid.release()

    async def _open_metrics(self) -> None:
        monitoring = self._config.monitoring
        if not monitoring.prometheus_enabled:
            return
        try:
            taken = listen(METRICS_HOST, monitoring.prometheus_port, hint=METRICS_HINT)
        except Unavailable as error:
            _log.warning("metrics_port_unusable", port=monitoring.prometheus_port, why=error.message, hint=error.hint)
            return
        await self._listen(make_metrics_app(self.door), taken)

    async def _listen(self, app: AnySanic, taken: socket.socket, protocol: type[HttpProtocol] = HardProtocol) -> None:
        self._listening.append(await Listening.begin(app, taken, protocol))


def _applied(config: DaemonConfig) -> None:
    set_level(config.daemon.log_level)
