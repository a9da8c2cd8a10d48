"""Outgoing: what guests ask for with `fabric.http_request`: another service, or the world behind the egress guard.

`http://{service}/...` leads to that service's replicas without leaving the daemon; the port in such a URL is of no
consequence. Everything else goes out as any webhook does. A refusal is an answer with status 0, whose body is the code.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from catalog.errors import FabricError, Invalid, TargetFailed, TargetTimeout
from catalog.provider import Http
from catalog.urls import Destination, parse_url
from runtime.daemon.access import Access
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.traffic.private_paths import is_private, not_found
from runtime.daemon.traffic.router import Route
from runtime.wasm.launch import Outgoing, Replica
from runtime.wasm.messages import GuestRequest, Header, decode_request, encode_answer, encode_request
from runtime.wasm.modules.fabrickfile import NetworkCapability

HOPS_MOST = 8
"""Services that a request may come through: more is a ring of services that ask each other."""
SHARE = 0.9
"""Of the time that a guest has for a request it may wait so much for another's answer."""
_DROPPED = frozenset({b"host", b"connection", b"content-length", b"transfer-encoding", b"upgrade", b"te", b"trailer"})


class Peer(Protocol):
    """A service, as far as traffic knows it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def spec(self) -> ServiceSpec:
        """As it is wanted now."""
        ...

    @property
    def route(self) -> Route:
        """The way to its replicas."""
        ...


class Peers(Protocol):
    """All services."""

    def find(self, id_or_name: str) -> Peer | None:
        """The service of this id or name."""
        ...

    def named(self, name: str) -> Peer | None:
        """The service of this name."""
        ...


class GuestRequests:
    """Carries out requests of guests. `http` is the guarded way out, with limits made for guests."""

    def __init__(self, peers: Callable[[], Peers], access: Access, http: Http) -> None:
        self._peers = peers
        self._access = access
        self._http = http

    def of(
        self, service_id: str, capabilities: NetworkCapability, seconds: float
    ) -> Callable[[Callable[[], Replica | None]], Outgoing]:
        """What carries out the requests of one service's replicas, each within a share of `seconds`."""

        def for_replica(replica: Callable[[], Replica | None]) -> Outgoing:
            async def carry(request: bytes) -> bytes:
                return await self._carry(service_id, capabilities, seconds * SHARE, replica(), request)

            return carry

        return for_replica

    async def _carry(
        self, service_id: str, capabilities: NetworkCapability, seconds: float, replica: Replica | None, request: bytes
    ) -> bytes:
        source = self._peers().find(service_id)
        if source is None:
            return _refused(TargetFailed("SERVICE_NOT_FOUND", "The service that asks is gone."))
        try:
            async with asyncio.timeout(seconds):
                answer = await self._answer(source, capabilities, replica, decode_request(request))
        except TimeoutError:
            answer = _refused(TargetTimeout("EGRESS_TIMEOUT", f"There was no answer within {seconds:g} seconds."))
        except FabricError as error:
            answer = _refused(error)
        source.route.meter.add_bytes(len(answer), len(request))
        return answer

    async def _answer(
        self, source: Peer, capabilities: NetworkCapability, replica: Replica | None, request: GuestRequest
    ) -> bytes:
        try:
            destination = parse_url(request.path.decode("ascii"))
        except UnicodeDecodeError:
            raise Invalid("URL_CONTROL_OR_SPACE", "The URL is not ASCII.", hint="Encode it.") from None
        peer = None
        if destination.scheme == "http" and not destination.literal:
            peer = self._peers().named(destination.host)
        if peer is not None:
            if is_private(destination.target.encode()):
                raise not_found()
            return await self._ask(source, capabilities, replica, request, destination, peer)
        self._access.egress(
            source.spec,
            scheme=destination.scheme,
            host=destination.host,
            port=destination.port,
            capabilities=capabilities,
        )
        return await self._send(request, destination)

    async def _ask(
        self,
        source: Peer,
        capabilities: NetworkCapability,
        replica: Replica | None,
        request: GuestRequest,
        destination: Destination,
        peer: Peer,
    ) -> bytes:
        """Ask another service."""
        self._access.connect(source.spec, peer.spec, capabilities=capabilities, port=destination.port)
        hops = source.route.hops_of(replica) + 1
        if hops > HOPS_MOST:
            raise TargetFailed("TOO_MANY_HOPS", f"The request has come through {HOPS_MOST} services already.")
        headers: list[Header] = [(b"host", destination.authority.encode())]
        headers += [each for each in _plain(request.headers) if each[0] not in _DROPPED]
        headers += [(b"x-fabric-from", source.spec.name.encode()), (b"x-fabric-hops", b"%d" % hops)]
        message = encode_request(request.method, destination.target.encode(), headers, request.body)
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def done(answer: bytes | Exception) -> None:
            if answered.done():
                return
            if isinstance(answer, bytes):
                answered.set_result(answer)
            else:
                answered.set_exception(answer)

        peer.route.forward(message, done, hops)
        return await answered

    async def _send(self, request: GuestRequest, destination: Destination) -> bytes:
        """Ask the world."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in _plain(request.headers)}
        method = request.method.decode("latin-1")
        answer = await self._http.send("guest", method, destination.url, headers, request.body)
        if answer.truncated:
            raise TargetFailed("EGRESS_OVERFLOW", "The answer is larger than a guest may be given.")
        found = [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
            for name, value in answer.headers.items()
        ]
        return encode_answer(answer.status, found, answer.body)


def _plain(headers: list[Header]) -> list[Header]:
    """A guest's headers without those that only the daemon may set."""
    lower = [(name.lower(), value) for name, value in headers]
    return [each for each in lower if not each[0].startswith(b"x-fabric-")]


def _refused(error: FabricError) -> bytes:
    """An answer that says why there is none."""
    reason = error.message.encode("ascii", "replace")
    return encode_answer(0, [(b"content-type", b"text/plain"), (b"x-fabric-reason", reason)], error.code.encode())
