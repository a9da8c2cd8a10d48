"""Reach: who may reach whom over networks. Pure; each rule answers None for yes, or why not.

A service has the ways of each of its networks; networks that do not exist give none. What forbids is stronger than
what permits:

    isolated      two members of it never reach each other, whatever else they share
    internal      nothing comes in from outside over it and nothing goes out over it, whatever its lists say
    ingress_only  nothing leaves it for another network or for the outside
    encryption    a member sends to the outside over https alone, whichever network the way leads through

In lists `*` is every network, a CIDR an address outside, `external:NAME` the hosts of that name, `external:*` any host.
"""

import ipaddress
from collections.abc import Iterable, Sequence

from runtime.daemon.spec import NetworkSpec

ANY_NETWORK = "*"
EXTERNAL = "external:"
ANY_EXTERNAL = "external:*"
_SECURE = "https"


def between(source: Sequence[NetworkSpec], target: Sequence[NetworkSpec]) -> str | None:
    """May a member of the one set of networks reach a member of the other?"""
    theirs = {each.name: each for each in target}
    common = [each for each in source if each.name in theirs]
    for network in common:
        if network.isolated:
            return f"network `{network.name}` is isolated, its members do not reach each other"
    if common:
        return None
    reason = "they share no network, and no egress list leads from one to the other"
    for network in source:
        for entered in theirs.values():
            if not _named(network.egress, entered.name):
                continue
            if network.ingress_only:
                reason = f"network `{network.name}` is ingress-only"
            elif entered.ingress is None or _named(entered.ingress, network.name):
                return None
            else:
                reason = f"network `{entered.name}` does not let network `{network.name}` in"
    return reason


def from_outside(target: Sequence[NetworkSpec], address: str) -> str | None:
    """May somebody at this IP address reach a member? An empty `address` is this machine's own socket."""
    reason = "it is in no network that the outside may enter"
    for network in target:
        if network.internal:
            reason = f"network `{network.name}` is internal"
        elif network.ingress is None or in_ranges(network.ingress, address or "127.0.0.1"):
            return None
        else:
            reason = f"network `{network.name}` does not let that address in"
    return reason


def to_outside(source: Sequence[NetworkSpec], scheme: str, host: str, port: int, *, locked: bool = False) -> str | None:
    """May a member send to a host outside? With `locked`, only to hosts that `external:NAME` lists.

    `unencrypted` is asked apart from this.
    """
    reason = "no network of it has that host in its egress list"
    for network in source:
        found = [each for each in network.egress if _covers(network, each, scheme, host, port, locked=locked)]
        if not found:
            continue
        if network.internal:
            reason = f"network `{network.name}` is internal"
        elif network.ingress_only:
            reason = f"network `{network.name}` is ingress-only"
        else:
            return None
    return reason


def unencrypted(source: Iterable[NetworkSpec], scheme: str) -> NetworkSpec | None:
    """The first network that would be left in plain text although it requires encryption."""
    if scheme == _SECURE:
        return None
    return next((each for each in source if each.encryption == "required"), None)


def groups_of(networks: Iterable[NetworkSpec], host: str, port: int) -> frozenset[str]:
    """The names of the external hosts, as these networks know them, that a host belongs to."""
    place = f"{host}:{port}".lower()
    return frozenset(
        name for each in networks for name, hosts in each.external.items() if place in map(str.lower, hosts)
    )


def in_ranges(entries: Iterable[str], address: str) -> bool:
    """Does a CIDR of `entries` hold this address? `0.0.0.0/0` and `::/0` hold every address of either kind."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    for entry in entries:
        range_ = read_range(entry)
        if range_ is not None and (range_.prefixlen == 0 or (range_.version == found.version and found in range_)):
            return True
    return False


def read_range(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A CIDR, or None for what is none; a plain address is no CIDR."""
    if "/" not in entry:
        return None
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None


def _named(entries: Iterable[str], network: str) -> bool:
    return any(each in (network, ANY_NETWORK) for each in entries)


def _covers(network: NetworkSpec, entry: str, scheme: str, host: str, port: int, *, locked: bool) -> bool:
    if entry.startswith(EXTERNAL) and entry != ANY_EXTERNAL:
        name = entry.removeprefix(EXTERNAL)
        secure = scheme == _SECURE or name not in network.external_tls
        return secure and f"{host}:{port}".lower() in map(str.lower, network.external.get(name, ()))
    if locked:
        return False
    if entry == ANY_EXTERNAL:
        return True
    range_ = read_range(entry)
    return range_ is not None and (range_.prefixlen == 0 or in_ranges([entry], host))
