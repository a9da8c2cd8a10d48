"""One connection to one checked destination: what aiohttp is given in place of its own resolver and sockets."""

import errno
import socket
import ssl
from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from runtime.egress.guard import Guard, Pinned

OpenSocket = Callable[[aiohttp.AddrInfoType], socket.socket]
"""Makes an unconnected socket for an address that was rechecked."""


class _PinnedResolver(AbstractResolver):
    """Answers aiohttp with the addresses that were checked, so that DNS is never asked again."""

    def __init__(self, pinned: Pinned) -> None:
        self._pinned = pinned

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=self._pinned.port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._pinned.addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class _OneConnection(aiohttp.TCPConnector):
    """Connects once: aiohttp would send an idempotent request again when the other side hangs up."""

    _asked = False

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the parameter is aiohttp's
    ) -> Connection:
        if self._asked:
            raise aiohttp.ServerDisconnectedError
        self._asked = True
        return await super().connect(req, traces, timeout)


def plain_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """A real socket."""
    family, kind, protocol, _, _ = info
    return socket.socket(family, kind, protocol)


def only_ipv4(open_socket: OpenSocket = plain_socket) -> OpenSocket:
    """Refuses every IPv6 address, as one that cannot be reached."""

    def opened(info: aiohttp.AddrInfoType) -> socket.socket:
        if info[0] == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "IPv6 is not enabled")
        return open_socket(info)

    return opened


def one_connection(
    guard: Guard, pinned: Pinned, tls: ssl.SSLContext | None, open_socket: OpenSocket
) -> aiohttp.TCPConnector:
    """A connector for a single request to `pinned`: every socket address is checked again where its socket is made."""

    def checked_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        address = info[4]
        guard.recheck(pinned, str(address[0]), int(address[1]))
        return open_socket(info)

    return _OneConnection(
        resolver=_PinnedResolver(pinned),
        socket_factory=checked_socket,
        use_dns_cache=False,
        happy_eyeballs_delay=None,
        force_close=True,
        limit=1,
        ssl=tls or True,
    )
