"""What the kernel's tables say, as clients. Pure; entries that are no station are left out."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from runtime.drivers.network.face import MAX_ADDRESSES, MAX_CLIENTS, Client
from runtime.drivers.network.macs import mac_from_text

_IP_FAMILIES = (2, 10)
_BRIDGE_FAMILY = 7
_STALE, _FAILED, _NOARP, _PERMANENT = 0x04, 0x20, 0x40, 0x80
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Message(Protocol):
    """A netlink message as the library decodes it: by the short name of a field or attribute, or by a path of them."""

    def get(self, key: str | tuple[str, ...]) -> object:
        """The value; None where it is absent."""
        ...


class Interface(msgspec.Struct, frozen=True):
    """A link of the machine; `vlan` where it is one's, `master` the index of the bridge that it is a port of."""

    name: str
    vlan: int | None = None
    master: int | None = None


class Heard(msgspec.Struct, frozen=True):
    """One entry of a table: a station at a port, with an address or, in a bridge's table, without.

    `age` is in seconds since it was heard of; None: entered by hand.
    """

    mac: str
    place: str
    silent: bool
    age: float | None
    vlan: int | None = None
    address: str | None = None


def interfaces_of(links: Iterable[Message], only: Sequence[str]) -> dict[int, Interface]:
    """The interfaces by their index; those named in `only` and the ports of bridges named there, if any are."""
    found = {}
    for each in links:
        name, index, master = each.get("ifname"), each.get("index"), each.get("master")
        if isinstance(name, str) and isinstance(index, int):
            vlan = _number(each.get(("linkinfo", "data", "vlan_id")))
            found[index] = Interface(name, vlan, _number(master))
    named = {index for index, each in found.items() if each.name in only}
    return {index: each for index, each in found.items() if not only or index in named or each.master in named}


def neighbour_of(entry: Message, interfaces: Mapping[int, Interface], seen_within: float) -> Heard | None:
    """An entry of the neighbour table; None for what is no station, or on an interface that is not looked at."""
    state, address = _number(entry.get("state")), entry.get("dst")
    place, mac = interfaces.get(_number(entry.get("ifindex")) or 0), mac_from_text(str(entry.get("lladdr")))
    if place is None or mac is None or state is None or entry.get("family") not in _IP_FAMILIES:
        return None
    if state & _FAILED or not address:
        return None
    age = None if state & _PERMANENT else _age(entry, "ndm_confirmed")
    silent = bool(state & _STALE) and (age is None or age > seen_within)
    return Heard(mac, place.name, silent, age, place.vlan, str(address))


def forwarded_of(entry: Message, interfaces: Mapping[int, Interface], seen_within: float) -> Heard | None:
    """A learned entry of a bridge's forwarding table; None as above."""
    state = _number(entry.get("state"))
    place, mac = interfaces.get(_number(entry.get("ifindex")) or 0), mac_from_text(str(entry.get("lladdr")))
    if place is None or mac is None or state is None or entry.get("family") != _BRIDGE_FAMILY:
        return None
    age = _age(entry, "ndm_updated")
    if state & (_NOARP | _PERMANENT) or age is None:
        return None
    return Heard(mac, place.name, age > seen_within, age, _number(entry.get("vlan")) or place.vlan)


def clients_of(heard: Iterable[Heard], now: float) -> list[Client]:
    """One client a MAC address, with all its addresses, where a bridge heard it last, or else the machine did."""
    by_mac: dict[str, list[Heard]] = {}
    for each in heard:
        if each.mac in by_mac or len(by_mac) < MAX_CLIENTS:
            by_mac.setdefault(each.mac, []).append(each)
    return [_client(entries, now) for entries in by_mac.values()]


def _client(entries: Sequence[Heard], now: float) -> Client:
    latest = sorted(entries, key=lambda each: float("inf") if each.age is None else each.age)
    # The port says more than the bridge that it belongs to.
    place = next((each for each in latest if each.address is None), latest[0])
    addresses = dict.fromkeys(each.address for each in latest if each.address is not None)
    return Client(
        mac=place.mac,
        online=not all(each.silent for each in entries),
        addresses=tuple(sorted(addresses, key=lambda each: ":" in each))[:MAX_ADDRESSES],
        interface=place.place,
        vlan=place.vlan if place.vlan is not None else next((each.vlan for each in latest if each.vlan), None),
        seen=None if latest[0].age is None else now - latest[0].age,
    )


def _age(entry: Message, since: str) -> float | None:
    times = entry.get("cacheinfo")
    ticks = times.get(since) if isinstance(times, Mapping) else None
    return ticks / _TICKS_A_SECOND if isinstance(ticks, int) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
