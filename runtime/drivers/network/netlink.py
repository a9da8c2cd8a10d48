"""The driver `netlink`: the neighbour table of this machine, or of one of its network namespaces."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Protocol, cast

import msgspec
from pyroute2 import IPRoute, netns
from pyroute2.netlink.exceptions import NetlinkError

from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import not_found, refused
from runtime.drivers.lanes import Lanes
from runtime.drivers.link import Link
from runtime.drivers.network.face import MAX_ADDRESSES, MAX_CLIENTS, Client, as_device
from runtime.drivers.network.macs import mac_from_text
from runtime.drivers.network.settings import NetlinkSettings
from runtime.drivers.trying import tried

_LANES = Lanes()
_IP_FAMILIES = (2, 10)
_STALE, _FAILED, _PERMANENT = 0x04, 0x20, 0x80
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Message(Protocol):
    """A netlink message as the library decodes it: by the short name of a field or attribute, or by a path of them."""

    def get(self, key: str | tuple[str, ...]) -> object:
        """The value; None where it is absent."""
        ...


class Interface(msgspec.Struct, frozen=True):
    """A link of the machine; `vlan` where it is one's."""

    name: str
    vlan: int | None = None


class Neighbour(msgspec.Struct, frozen=True):
    """One entry of the table, `age` in seconds since it was confirmed; None: entered by hand."""

    mac: str
    address: str
    interface: Interface
    state: int
    age: float | None


class Netlink:
    """Implements face.Network. The kernel is asked in a thread of its own: it is threads that enter a namespace."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(NetlinkSettings, link.settings)

    async def check(self) -> Sequence[Check]:
        """Read both tables."""

        async def read() -> str:
            clients = await self.clients()
            return f"{len(clients)} clients, {sum(each.online for each in clients)} of them online"

        return [await tried("read the neighbour table", read)]

    async def devices(self) -> Sequence[Device]:
        """The clients, where the setting `watch_clients` wants that."""
        clients = await self.clients()
        return [as_device(each) for each in clients] if self._settings.watch_clients else ()

    async def clients(self) -> Sequence[Client]:
        """See Network."""
        now = time.time()
        async with self._link.reaching("with its neighbour table"):
            neighbours = await _LANES.run(self._link.target, self._read, fresh=bool(self._settings.namespace))
        return gathered(neighbours, now, self._settings.seen_within_seconds)

    def _read(self) -> list[Neighbour]:
        target, namespace = self._link.target, self._settings.namespace
        try:
            if namespace:
                # Without O_CREAT: a namespace that is not there is not made. The thread ends with this call.
                netns.setns(namespace, flags=0)
            with IPRoute() as kernel:
                interfaces = interfaces_of(kernel.get_links(), self._settings.interfaces)
                found = (neighbour_of(each, interfaces) for each in kernel.get_neighbours())
                return list(islice((each for each in found if each is not None), MAX_CLIENTS * MAX_ADDRESSES))
        except FileNotFoundError:
            raise not_found(target, f"no network namespace `{namespace}`", "`ip netns` lists them.") from None
        except PermissionError:
            hint = "Run it with CAP_SYS_ADMIN, or leave the setting `namespace` out."
            raise refused(target, "the server may not enter its network namespace", hint) from None
        except NetlinkError as error:
            raise refused(target, f"the kernel says {os.strerror(error.code)}") from None


def interfaces_of(links: Iterable[Message], only: Sequence[str]) -> dict[int, Interface]:
    """The interfaces by their index; those named in `only`, if any are."""
    found = {}
    for each in links:
        name, index = each.get("ifname"), each.get("index")
        if isinstance(name, str) and isinstance(index, int) and (not only or name in only):
            vlan = each.get(("linkinfo", "data", "vlan_id"))
            found[index] = Interface(name, vlan if isinstance(vlan, int) else None)
    return found


def neighbour_of(entry: Message, interfaces: Mapping[int, Interface]) -> Neighbour | None:
    """One entry of the kernel's table; None for what is no station, or on an interface that is not looked at."""
    state, family, index, address = (entry.get(each) for each in ("state", "family", "ifindex", "dst"))
    interface = interfaces.get(index) if isinstance(index, int) else None
    mac = mac_from_text(str(entry.get("lladdr")))
    if interface is None or mac is None or family not in _IP_FAMILIES or not isinstance(state, int) or not address:
        return None
    if state & _FAILED:
        return None
    times = entry.get("cacheinfo")
    confirmed = times.get("ndm_confirmed") if isinstance(times, Mapping) else None
    age = None if state & _PERMANENT or not isinstance(confirmed, int) else confirmed / _TICKS_A_SECOND
    return Neighbour(mac, str(address), interface, state, age)


def gathered(neighbours: Iterable[Neighbour], now: float, seen_within: float) -> list[Client]:
    """One client a MAC address: with all its addresses, on the interface where it was heard of last. Pure."""
    by_mac: dict[str, list[Neighbour]] = {}
    for each in neighbours:
        if each.mac in by_mac or len(by_mac) < MAX_CLIENTS:
            by_mac.setdefault(each.mac, []).append(each)
    return [_client(entries, now, seen_within) for entries in by_mac.values()]


def _client(entries: Sequence[Neighbour], now: float, seen_within: float) -> Client:
    entries = sorted(entries, key=lambda each: (float("inf") if each.age is None else each.age, each.address))
    latest = entries[0]
    silent = all(each.state & _STALE and (each.age is None or each.age > seen_within) for each in entries)
    addresses = dict.fromkeys(each.address for each in entries)
    return Client(
        mac=latest.mac,
        online=not silent,
        addresses=tuple(sorted(addresses, key=lambda each: ":" in each))[:MAX_ADDRESSES],
        interface=latest.interface.name,
        vlan=latest.interface.vlan,
        seen=None if latest.age is None else now - latest.age,
    )
