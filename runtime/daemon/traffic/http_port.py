"""HttpPort: a port of the machine at which a service answers HTTP."""

import asyncio
from collections.abc import Callable

from runtime.daemon.access import Access
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.traffic.answers import Answers
from runtime.daemon.traffic.http_connection import HttpConnection
from runtime.daemon.traffic.http_limits import HttpLimits
from runtime.daemon.traffic.listening import Port
from runtime.daemon.traffic.router import Route


class HttpPort(Port):
    """Every connection reads requests and hands them to the service's route."""

    def __init__(
        self, route: Route, access: Access, spec: Callable[[], ServiceSpec], limits: HttpLimits | None = None
    ) -> None:
        self.limits = limits = limits or HttpLimits()
        self.answers = Answers()
        super().__init__(route, access, spec, connections_most=limits.connections, tick=limits.tick)

    def _connection(self) -> asyncio.Protocol:
        return HttpConnection(self)
