"""Hosting: the services half of the process: its daemon and its listeners, from open to close."""

import asyncio
import socket
from collections.abc import Callable
from importlib.metadata import version

import structlog
from sanic.server import HttpProtocol

from api.daemon.app import make_app
from api.daemon.claim import Claim
from api.daemon.door import Door, Ending
from api.daemon.inside import Inside
from api.daemon.metrics_page import make_metrics_app
from api.daemon.peers import PeerProtocol, Peers
from api.hardening import AnySanic, HardProtocol, Limits
from api.listening import Listening, listen
from api.logs import set_level
from catalog.errors import Unavailable
from runtime.daemon.config import DaemonConfig, service_user
from runtime.daemon.daemon import Daemon
from runtime.daemon.events.outbox import Send
from runtime.egress import Guard
from runtime.egress.client import EgressClient
from runtime.egress.client import Limits as EgressLimits
from runtime.egress.connector import only_ipv4, plain_socket
from runtime.plugins import Workshop
from runtime.wasm.messages import ANSWER_MOST

_log = structlog.get_logger()

LISTEN_HINT = "Set `listen` of [api] to HOST:PORT of this machine, or leave it out."
METRICS_HINT = "Set `prometheus_port` of [monitoring] to a free port, or `prometheus_enabled` to false."
GUEST_LIMITS = EgressLimits(kept=ANSWER_MOST // 2)
"""What a guest's own request may bring back."""
LOOPBACK = "127.0.0.1"
REQUESTS_SECONDS = 5.0
"""Of the time that a stop may take: for requests under way."""


class Hosting:
    """`open` answers at what was claimed, `close` ends it; both on one loop. The claim stays the caller's.

    `guard` says where guests' own requests may go, `address` where services' ports are listened for, `receiver` who is
    told what happens.
    """

    def __init__(
        self,
        config: DaemonConfig,
        claim: Claim,
        *,
        guard: Guard | None = None,
        address: str = LOOPBACK,
        reread: Callable[[], tuple[DaemonConfig, list[str]]] | None = None,
        limits: Limits | None = None,
        on_shutdown: Callable[[], None] | None = None,
        receiver: Send | None = None,
    ) -> None:
        self._config = config
        self._claim = claim
        self._limits = limits or Limits(request_seconds=config.api.timeout, body_bytes=config.api.max_body_size)
        self._listening: list[Listening] = []
        open_socket = plain_socket if config.networking.enable_ipv6 else only_ipv4()
        self._http = http = EgressClient(guard or Guard(), limits=GUEST_LIMITS, open_socket=open_socket)
        self.daemon = Daemon(
            config,
            version=version("fabricksd"),
            http=http,
            address=address,
            reread=reread,
            applied=_applied,
            receiver=receiver,
        )
        self.door = Door(self.daemon, self._limits, on_shutdown=on_shutdown)
        self.inside = Inside(self.door)

    async def open(self) -> None:
        """Bring the daemon up and answer. Raises FabricError where it cannot."""
        await self.daemon.start()
        socket_app = make_app(self.door, Peers.of(self._claim.path))
        await self._listen(socket_app, self._claim.socket, PeerProtocol)
        if self._config.api.listen:
            host, _, port = self._config.api.listen.rpartition(":")
            await self._listen(make_app(self.door, None), listen(host.strip("[]"), int(port), hint=LISTEN_HINT))
        await self._open_metrics()
        _log.info("services_listening", socket=str(self._claim.path), data=str(self._config.daemon.data_dir))

    def workshop(self) -> Workshop:
        """What of this half plugins run on."""
        daemon = self.daemon
        return Workshop(
            modules=daemon.modules,
            compiler=daemon.compiler,
            launcher=daemon.launcher,
            http=self._http,
            seccomp=self._config.security.enable_seccomp,
            user=service_user(self._config),
        )

    async def close(self, seconds: float) -> None:
        """Take nothing new, end what is under way, stop every service; in the time that was asked for, or `seconds`."""
        loop = asyncio.get_running_loop()
        ending = self.door.ending or Ending(seconds=seconds, force=False)
        self.door.stopping.set()
        until = loop.time() + min(ending.seconds, REQUESTS_SECONDS)
        for each in self._listening:
            await each.end(until)
        await self.door.drain(max(0.0, until - loop.time()))
        await self.daemon.stop(ending.seconds, force=ending.force)
        for each in self._listening:
            each.forget()

    async def _open_metrics(self) -> None:
        monitoring = self._config.monitoring
        if not monitoring.prometheus_enabled:
            return
        try:
            taken = listen(LOOPBACK, monitoring.prometheus_port, hint=METRICS_HINT)
        except Unavailable as error:
            _log.warning("metrics_port_unusable", port=monitoring.prometheus_port, why=error.message, hint=error.hint)
            return
        await self._listen(make_metrics_app(self.door), taken)

    async def _listen(self, app: AnySanic, taken: socket.socket, protocol: type[HttpProtocol] = HardProtocol) -> None:
        self._listening.append(await Listening.begin(app, taken, protocol))


def _applied(config: DaemonConfig) -> None:
    set_level(config.daemon.log_level)
