"""TcpPort: a port of the machine at which every connection gets an instance of a service's guest."""

import asyncio
from collections.abc import Callable

import msgspec

from runtime.daemon.access import Access
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.traffic.listening import Port
from runtime.daemon.traffic.router import Route
from runtime.daemon.traffic.tcp_connection import TcpConnection


class TcpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and counts; tests shorten them. A connection is idle while no byte goes either way."""

    idle_seconds: float = 300.0
    tick: float = 1.0
    connections: int = 500


class TcpPort(Port):
    """Joins each connection with the pipes of a fresh instance."""

    def __init__(
        self, route: Route, access: Access, spec: Callable[[], ServiceSpec], limits: TcpLimits | None = None
    ) -> None:
        self.limits = limits = limits or TcpLimits()
        super().__init__(route, access, spec, connections_most=limits.connections, tick=limits.tick)

    def _connection(self) -> asyncio.Protocol:
        return TcpConnection(self)
