"""EgressClient: the guarded way out over HTTP. One request, one connection, to an address that was checked."""

import asyncio
import io
import ssl
import zlib
from collections.abc import Mapping, Sequence
from functools import partial

import aiohttp
import msgspec
import yarl
from multidict import CIMultiDict

from catalog.errors import FabricError, Invalid, TargetFailed, TargetTimeout
from catalog.headers import header_problem, is_reserved
from catalog.provider import Answer, Target
from catalog.urls import Destination, Refused, parse_url
from runtime.egress.body import read_body
from runtime.egress.connector import OpenSocket, one_connection, plain_socket
from runtime.egress.expecting import EXPECT, PatientRequest
from runtime.egress.guard import ConnectRefused, Guard, Pinned
from runtime.egress.lookups import Lookups
from runtime.egress.trust import ca_file_of, trusting_only
from runtime.signatures.signing import Signer, webhook_id

SIGNED_PURPOSES = frozenset({"webhook", "notify"})
PUBLIC_PURPOSES = frozenset({"webhook", "guest", "notify"})
MAX_KEPT_HEADERS = 64
USER_AGENT = "Fabric/0.1"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and bytes of one request: `total` holds from the first look-up to the last byte kept."""

    total: float = 30.0
    connect: float = 5.0
    sock_read: float = 10.0
    kept: int = 16 * 1024


CONTROLLER_LIMITS = Limits(total=60.0, sock_read=60.0, kept=8 * 1024 * 1024)
"""A controller is configured, and what it says is for handlers of ours, which keep what they need."""


class EgressClient:
    """Implements `catalog.provider.Http`.

    `guard` holds for webhooks, guests and notifications, `controllers` (a configured Guard) for controllers, whose
    answers may be as long and late as CONTROLLER_LIMITS say. `tls` and `open_socket` are seams: the trust store, and
    what makes a socket for an address that was rechecked.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        controllers: Guard | None = None,
        signer: Signer | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        open_socket: OpenSocket = plain_socket,
    ) -> None:
        self._guard = guard
        self._controllers = controllers
        self._signer = signer
        self._limits = limits or Limits()
        self._tls = tls
        self._open_socket = open_socket
        self._lookups = Lookups()

    async def send(
        self,
        purpose: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        delivery_id: str = "",
        target: Target | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """See `catalog.provider.Http`. Redirects are answers like any other."""
        guard, destination = self._examine(purpose, url, target)
        sent = _own_headers(headers, destination)
        if purpose == "controller" and headers.get("Expect") == EXPECT:
            sent["Expect"] = EXPECT
        if delivery_id and purpose in SIGNED_PURPOSES:
            # Signed or not, a receiver can tell a repeat.
            sent["webhook-id"] = webhook_id(delivery_id)
            if self._signer is not None:
                sent.update(self._signer.sign(delivery_id, body))
        limits = _controllers_limits(seconds) if purpose == "controller" else self._limits
        try:
            async with asyncio.timeout(limits.total):
                pinned = await self._pin(guard, destination)
                tls = await self._trust(pinned.scheme, target)
                place = yarl.URL(pinned.destination.url, encoded=True)
                # As a stream, which is written in pieces: a body of megabytes would hold the loop up.
                data = io.BytesIO(body) if body else None
                async with (
                    self._session(guard, pinned, tls, limits) as session,
                    session.request(method, place, data=data, headers=sent, allow_redirects=False) as response,
                ):
                    try:
                        return await self._read(response, limits)
                    finally:
                        response.close()
        except TimeoutError:
            raise TargetTimeout("EGRESS_TIMEOUT", "The other side did not answer in time.") from None
        except (aiohttp.ClientError, zlib.error, OSError) as error:
            raise _translated(error) from None

    async def pin(self, host: str, port: int) -> Sequence[str]:
        """See `catalog.provider.Http`."""
        if self._controllers is None:
            raise ValueError("no way out to controllers")
        written = f"[{host}]" if ":" in host else host
        destination = _agreed(self._controllers.examine(f"http://{written}:{port}/"))
        return (await self._pin(self._controllers, destination)).addresses

    async def _read(self, response: aiohttp.ClientResponse, limits: Limits) -> Answer:
        kept, truncated = await read_body(response, limits.kept)
        return Answer(status=response.status, headers=_kept_headers(response), body=kept, truncated=truncated)

    def _examine(self, purpose: str, url: str, target: Target | None) -> tuple[Guard, Destination]:
        if purpose in PUBLIC_PURPOSES:
            return self._guard, _agreed(self._guard.examine(url))
        if purpose != "controller" or self._controllers is None or target is None:
            raise ValueError(f"no way out for purpose `{purpose}`")
        destination = _agreed(self._controllers.examine(url))
        configured = target.settings.get("address")
        home = parse_url(configured) if isinstance(configured, str) else None
        if home is None or (home.host, home.port) != (destination.host, destination.port):
            raise Refused("SSRF_CONTROLLER", "The URL is not the controller's configured address.")
        return self._controllers, destination

    async def _pin(self, guard: Guard, destination: Destination) -> Pinned:
        if destination.literal:
            return guard.resolve(destination)
        return await self._lookups.run(partial(guard.resolve, destination))

    async def _trust(self, scheme: str, target: Target | None) -> ssl.SSLContext | None:
        """Whose certificates count. Raises TargetFailed EGRESS_TLS for a controller's `ca_file` that cannot be used."""
        if scheme != "https":
            return None
        if ca_file := ca_file_of(target):
            return await self._lookups.run(partial(trusting_only, ca_file))
        if self._tls is None:
            self._tls = await self._lookups.run(ssl.create_default_context)
        return self._tls

    def _session(
        self, guard: Guard, pinned: Pinned, tls: ssl.SSLContext | None, limits: Limits
    ) -> aiohttp.ClientSession:
        # The total is the caller's, who bounds the look-up as well; a pause as long as that needs no clock of its own.
        sock_read = limits.sock_read if limits.sock_read < limits.total else None
        return aiohttp.ClientSession(
            connector=one_connection(guard, pinned, tls, self._open_socket),
            request_class=PatientRequest,
            trust_env=False,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=limits.connect, sock_read=sock_read),
            max_line_size=8190,
            max_field_size=8190,
        )


def _controllers_limits(seconds: float | None) -> Limits:
    if seconds is None:
        return CONTROLLER_LIMITS
    return msgspec.structs.replace(CONTROLLER_LIMITS, total=seconds, sock_read=seconds)


def _agreed(destination: Destination) -> Destination:
    """Refuse a URL that the HTTP client's own parser would take to another place."""
    read = yarl.URL(destination.url, encoded=True)
    if (read.raw_host, read.port, read.scheme) != (destination.host, destination.port, destination.scheme):
        raise Refused("URL_PARSERS_DISAGREE", "The URL can be read in two ways.", hint="Write it plainly.")
    return destination


def _own_headers(headers: Mapping[str, str], destination: Destination) -> CIMultiDict[str]:
    """The author's headers without those that are ours to set. Raises Invalid PARAM_HEADER."""
    sent = CIMultiDict({"User-Agent": USER_AGENT, "Accept": "*/*"})
    for name, value in headers.items():
        if is_reserved(name):
            continue
        problem = header_problem(name, value)
        if problem is not None:
            raise Invalid("PARAM_HEADER", problem, hint="Remove it from `headers`.")
        sent[name] = value
    sent.update({"Host": destination.authority, "Accept-Encoding": "identity"})
    return sent


def _kept_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in response.headers.items():
        if len(kept) == MAX_KEPT_HEADERS:
            break
        kept.setdefault(name.lower()[:128], value[:1024])
    return kept


def _translated(error: Exception) -> FabricError:
    """Our error for the outside's. Its text may name addresses, so none of it is passed on."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectRefused):
        return Refused("SSRF_NEVER", "The connection was about to leave the addresses that were checked.")
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return TargetFailed("EGRESS_TLS", "The other side's certificate or TLS is not acceptable.")
    if isinstance(error, (aiohttp.ClientConnectorError, ConnectionError)):
        return TargetFailed("EGRESS_UNREACHABLE", "The other side cannot be reached.")
    return TargetFailed("EGRESS_PROTOCOL", "The other side hung up, or its answer is not HTTP that can be read.")
