"""Ports: listens at the ports that running services want, and at no other."""

import asyncio
from functools import partial

from catalog.errors import FabricError
from runtime.clock import Clock
from runtime.daemon.access import Access
from runtime.daemon.logs import LogBook
from runtime.daemon.services.supervisor import Supervisor
from runtime.daemon.timers import Timers
from runtime.daemon.traffic.http_limits import HttpLimits
from runtime.daemon.traffic.http_port import HttpPort
from runtime.daemon.traffic.listening import Port, bind
from runtime.daemon.traffic.tcp_port import TcpLimits, TcpPort
from runtime.wasm.launch import Abi

AGAIN_AFTER = 10.0
"""Seconds after which a port that could not be had is tried again."""
GRACE = 10.0

Wanted = dict[int, bool]
"""Host ports; True: every connection gets a guest, False: HTTP."""


class Ports:
    """`follow` is told of services whose wishes may have changed; a task works only while a service's ports change."""

    def __init__(
        self,
        access: Access,
        logs: LogBook,
        clock: Clock,
        timers: Timers,
        *,
        address: str = "127.0.0.1",
        http: HttpLimits | None = None,
        tcp: TcpLimits | None = None,
    ) -> None:
        self._access = access
        self._logs = logs
        self._clock = clock
        self._timers = timers
        self._address = address
        self._http = http
        self._tcp = tcp
        self._open: dict[str, dict[int, tuple[bool, Port]]] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._retry: set[str] = set()

    def follow(self, service: Supervisor) -> None:
        """See to it that the service is listened for where it wants; a watcher of Services."""
        if service.id not in self._working and self._differs(service):
            task = asyncio.create_task(self._adjust(service), name=f"ports {service.id}")
            self._working[service.id] = task

    async def idle(self) -> None:
        """Wait until every port that is being opened or closed is. With all services at rest, none is left open."""
        while self._working:
            await asyncio.gather(*self._working.values())

    def of(self, service_id: str) -> tuple[int, ...]:
        """The ports that are listened at for a service."""
        return tuple(self._open.get(service_id, {}))

    def _wanted(self, service: Supervisor) -> Wanted:
        abi = service.abi
        if not service.open or abi is None or abi is Abi.COMMAND:
            return {}
        return {port.host: abi is Abi.TCP for port in service.spec.ports}

    def _differs(self, service: Supervisor) -> bool:
        wanted = self._wanted(service)
        missing = {number: raw for number, raw in wanted.items() if number not in service.closed_ports}
        there = {number: raw for number, (raw, _) in self._open.get(service.id, {}).items()}
        return missing != there or not service.closed_ports.keys() <= wanted.keys()

    async def _adjust(self, service: Supervisor) -> None:
        there = self._open.setdefault(service.id, {})
        while self._differs(service):
            wanted = self._wanted(service)
            for number in [each for each in service.closed_ports if each not in wanted]:
                del service.closed_ports[number]
            gone = [number for number, (raw, _) in there.items() if wanted.get(number) is not raw]
            leaving = [there.pop(number)[1] for number in gone]
            await asyncio.gather(*(port.close(GRACE) for port in leaving))
            for number, raw in wanted.items():
                if number not in there and number not in service.closed_ports:
                    await self._listen(service, number, raw=raw)
        del self._working[service.id]
        if not there:
            del self._open[service.id]
        service.look()

    async def _listen(self, service: Supervisor, number: int, *, raw: bool) -> None:
        try:
            bound = bind(self._address, number)
        except FabricError as error:
            service.closed_ports[number] = error.message
            self._logs.of(service.id).note(error.message)
            self._try_again(service)
            return
        port: Port
        if raw:
            port = TcpPort(service.route, self._access, lambda: service.spec, self._tcp)
        else:
            port = HttpPort(service.route, self._access, lambda: service.spec, self._http)
        await port.open(bound)
        self._open[service.id][number] = (raw, port)

    def _try_again(self, service: Supervisor) -> None:
        if service.id not in self._retry:
            self._retry.add(service.id)
            self._timers.at(self._clock.monotonic() + AGAIN_AFTER, partial(self.retry, service))

    def retry(self, service: Supervisor) -> None:
        """Try those ports again that could not be had."""
        self._retry.discard(service.id)
        service.closed_ports.clear()
        self.follow(service)
