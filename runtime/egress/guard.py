"""Guard: decides where a request may go, once, and pins it there.

Every rule is asked of every address that DNS answered, and asked again of the socket address that is connected to:
a name that answers differently the second time gains nothing.
"""

import socket
from collections.abc import Callable, Iterable, Sequence

import msgspec

from catalog.errors import TargetFailed
from catalog.urls import Destination, Refused, parse_url
from runtime.egress.lookups import system_resolver
from runtime.egress.names import LISTING, check_name
from runtime.egress.networks import Reach, Spelled, read_address, read_spelled
from runtime.egress.ourselves import Ourselves, SelfAddress
from runtime.egress.ports import BAD_PORTS

Resolver = Callable[[str], Sequence[str]]
"""Host name to addresses, in the order to try. May block, may raise OSError; never called on the event loop."""


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """A destination that was checked, and the only addresses that may be connected to for it, in order."""

    scheme: str
    host: str
    port: int
    addresses: tuple[str, ...]
    destination: Destination


class ConnectRefused(OSError):
    """A socket address that was never checked; raised where the socket would be opened."""


def _no_dns() -> TargetFailed:
    return TargetFailed("EGRESS_UNREACHABLE", "The URL's host cannot be looked up now.", hint="Try again later.")


class Guard:
    """The rules of one way out.

    `allowed` lists exact host names and IPs (FABRIC_WEBHOOK_ALLOWED_HOSTS): a name or IP lifts private and CGNAT
    addresses, an IP lifts loopback too, nothing lifts the rest. `self_addresses` are our own listening pairs.
    `configured` is for an address that an operator wrote into a setting (a controller, the mail relay): the lists of
    names and ports and the private classes do not hold there; what is never reachable, and ourselves, do.
    """

    def __init__(
        self,
        allowed: Iterable[str] = (),
        self_addresses: Iterable[SelfAddress] = (),
        resolver: Resolver = system_resolver,
        *,
        configured: bool = False,
    ) -> None:
        entries = [entry for each in allowed if (entry := each.strip().lower().removesuffix("."))]
        addresses = {entry: read_address(entry) for entry in entries}
        self._addresses = frozenset(found for found in addresses.values() if found is not None)
        self._names = frozenset(entry for entry, found in addresses.items() if found is None)
        self._ourselves = Ourselves(self_addresses)
        self._resolver = resolver
        self._configured = configured

    def check(self, url: str) -> Pinned:
        """Decide on a URL; blocks while DNS answers. Raises Refused URL_* or SSRF_*, and what `resolve` raises."""
        return self.resolve(self.examine(url))

    def examine(self, url: str) -> Destination:
        """What the text alone decides, without DNS. Raises Refused URL_*, SSRF_NAME, SSRF_SINGLE_LABEL."""
        destination = parse_url(url)
        if not (destination.literal or self._configured or destination.host in self._names):
            check_name(destination.host)
        return destination

    def resolve(self, destination: Destination) -> Pinned:
        """Look the host up exactly once and check every answer.

        Raises Refused SSRF_*; TargetFailed EGRESS_UNREACHABLE where DNS cannot say now.
        """
        answers = [destination.host] if destination.literal else self._look_up(destination.host)
        found = [self._checked(destination, read_spelled(answer)) for answer in answers]
        if destination.port in BAD_PORTS and not self._configured:
            raise Refused("SSRF_PORT", f"Port {destination.port} belongs to another protocol than HTTP.")
        return Pinned(
            scheme=destination.scheme,
            host=destination.host,
            port=destination.port,
            addresses=tuple(dict.fromkeys(each.text for each in found)),
            destination=destination,
        )

    def recheck(self, pinned: Pinned, address: str, port: int) -> None:
        """The last look, at what is really given to connect(). Raises ConnectRefused."""
        found = read_spelled(address)
        if port != pinned.port or found is None or found.text not in pinned.addresses:
            raise ConnectRefused("the address was not checked")
        self._checked(pinned.destination, found)

    def _look_up(self, host: str) -> Sequence[str]:
        try:
            answers = self._resolver(host)
        except socket.gaierror as error:
            if error.errno not in (socket.EAI_NONAME, socket.EAI_NODATA):
                raise _no_dns() from None
            answers = ()
        except OSError:
            raise _no_dns() from None
        if not answers:
            raise Refused("SSRF_DNS_EMPTY", "The URL's host has no address.", hint="Is the name spelt right?")
        return answers

    def _checked(self, destination: Destination, found: Spelled | None) -> Spelled:
        if found is None or found.reach is Reach.NEVER:
            raise Refused("SSRF_NEVER", "The URL leads to an address that is never reachable from here.")
        address, reach = found.address, found.reach
        if reach is Reach.LOOPBACK and not (self._configured or address in self._addresses):
            hint = "An operator may list the IP in `FABRIC_WEBHOOK_ALLOWED_HOSTS`."
            raise Refused("SSRF_LOOPBACK", "The URL leads to this machine itself.", hint=hint)
        lifted = self._configured or address in self._addresses or destination.host in self._names
        if reach is Reach.PRIVATE and not lifted:
            raise Refused("SSRF_PRIVATE", "The URL leads into a private network.", hint=LISTING)
        if self._ourselves.includes(address, destination.port):
            raise Refused("SSRF_SELF", "The URL leads back to the Fabric itself.")
        return found
