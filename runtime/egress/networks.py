"""Classes of IP addresses, by our own list: the flags of `ipaddress` call a third of what must be denied global.

IPv6 is an allow rule: what lies outside 2000::/3 is refused, and inside it the blocks that embed or translate IPv4.
"""

import ipaddress
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

import msgspec

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Reach(StrEnum):
    """How an address may be reached: by everybody, when an operator lists it, by its exact IP alone, or never."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    NEVER = "never"


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in texts)


LOOPBACK = _networks(("127.0.0.0/8", "::1/128"))

NEVER = _networks(
    (
        "0.0.0.0/8",  # this network
        "169.254.0.0/16",  # link-local: metadata of most clouds
        "192.0.0.0/24",  # protocol assignments: metadata of Oracle
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's WireServer, in public space
        "100.100.100.200/32",  # Alibaba's metadata, in CGNAT space
        "::/96",  # unspecified and IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "100::/64",  # discard
        "2001::/23",  # Teredo, ORCHID and the like
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
        "5f00::/16",  # SRv6
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::254/128",  # metadata of AWS
        "fd00:ec2::23/128",
        "fd20:ce::254/128",  # metadata of Google
    )
)

PRIVATE = _networks(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))

GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")

_IN_ORDER: tuple[tuple[Reach, tuple[Network, ...]], ...] = (
    # ::1 lies inside ::/96 and metadata inside private ranges: the order of these rows decides.
    (Reach.LOOPBACK, LOOPBACK),
    (Reach.NEVER, NEVER),
    (Reach.PRIVATE, PRIVATE),
)


@lru_cache(1024)
def classify(address: Address) -> Reach:
    """The class of an address; whatever no list names is public in IPv4, and in IPv6 only inside 2000::/3."""
    for reach, networks in _IN_ORDER:
        if any(address.version == each.version and address in each for each in networks):
            return reach
    if address.version == 6 and address not in GLOBAL_IPV6:
        return Reach.NEVER
    return Reach.PUBLIC


@lru_cache(1024)
def read_address(text: str) -> Address | None:
    """The address that `text` spells (brackets allowed), None where it spells none or carries a zone."""
    if "%" in text:
        return None
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


class Spelled(msgspec.Struct, frozen=True):
    """An address as it is written plainly, and its class."""

    address: Address
    text: str
    reach: Reach


@lru_cache(1024)
def read_spelled(text: str) -> Spelled | None:
    """The address that `text` spells, with all that is asked of it; None where it spells none."""
    address = read_address(text)
    return None if address is None else Spelled(address, str(address), classify(address))
