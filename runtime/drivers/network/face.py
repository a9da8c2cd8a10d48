"""What every driver of networks can do, whatever it speaks."""

from collections.abc import Sequence
from typing import Protocol, cast

import msgspec

from catalog.provider import Call
from runtime.drivers.driver import Device, Peer
from runtime.drivers.opening import peer_of

MAX_CLIENTS = 10_000
"""More of one controller are not read: whoever floods a table with made-up addresses costs no more memory than this."""

MAX_DEVICES = 2_000
"""More of one controller do not become devices: whoever makes up addresses floods nobody with events."""

MAX_ADDRESSES = 16
"""Addresses kept of one client."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the network. `seen` is when it was heard of last, in seconds since 1970 UTC, where that is known.

    `online` is as good as a table can tell. `wired` None: the controller does not say.
    """

    mac: str
    online: bool
    addresses: tuple[str, ...] = ()
    interface: str | None = None
    vlan: int | None = None
    wired: bool | None = None
    name: str | None = None
    seen: float | None = None


class Vlan(msgspec.Struct, frozen=True, kw_only=True):
    """A VLAN as its switch has it."""

    vlan_id: int
    name: str


class Wifi(msgspec.Struct, frozen=True, kw_only=True):
    """A wireless network as its access point has it; `wifi_id` tells it from the others there."""

    wifi_id: str
    ssid: str
    enabled: bool


class Network(Peer, Protocol):
    """A controller that knows who is on its network."""

    async def clients(self) -> Sequence[Client]:
        """Who is there, at most MAX_CLIENTS, one entry a MAC address. Raises FabricError TARGET_*."""
        ...


class Tables(Network, Protocol):
    """A controller that also tells of its VLANs and wireless networks; its driver has the setting `watch_tables`."""

    async def vlans(self) -> Sequence[Vlan]:
        """Its VLANs; empty where it has no such table. Raises FabricError TARGET_*."""
        ...

    async def wifis(self) -> Sequence[Wifi]:
        """Its wireless networks; empty where it has no such table. Raises FabricError TARGET_*."""
        ...


def network_of(call: Call) -> Network:
    """The call's target as a network. Raises as `opening.peer_of`."""
    return cast(Network, peer_of(call, "network"))


def devices_of(clients: Sequence[Client]) -> list[Device]:
    """The clients as managed devices, the same MAX_DEVICES of more look after look."""
    return [_device(each) for each in sorted(clients, key=lambda each: each.mac)[:MAX_DEVICES]]


def _device(client: Client) -> Device:
    """One of them.

    Only what does not move by itself is in its record: a telephone changes its port and its IPv6 addresses all day.
    """
    facts = {"mac": client.mac, "vlan": client.vlan, "address": _steady(client.addresses)}
    return Device(
        device_id=client.mac,
        name=client.name or client.mac,
        kind="client",
        online=client.online,
        facts={name: value for name, value in facts.items() if value is not None},
    )


def _steady(addresses: Sequence[str]) -> str | None:
    """The same one of several in whatever order they come."""
    return min((each for each in addresses if ":" not in each), default=None)
