"""What SNMP tables say, as clients, VLANs and wireless networks. Pure; rows that make no sense are left out."""

import ipaddress
from collections.abc import Mapping

import msgspec

from runtime.drivers.network.face import MAX_ADDRESSES, MAX_CLIENTS, Client, Vlan, Wifi
from runtime.drivers.network.macs import mac_of
from runtime.drivers.network.snmp_walk import Oid
from runtime.drivers.printable import printable

Column = Mapping[Oid, int | bytes]

SYS_NAME: Oid = (1, 3, 6, 1, 2, 1, 1, 5)
IF_TYPE: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 3)
IF_ADMIN_STATUS: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 7)
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
ARP_MAC: Oid = (1, 3, 6, 1, 2, 1, 4, 22, 1, 2)
ARP_TYPE: Oid = (1, 3, 6, 1, 2, 1, 4, 22, 1, 4)
NEIGHBOUR_MAC: Oid = (1, 3, 6, 1, 2, 1, 4, 35, 1, 4)
NEIGHBOUR_STATE: Oid = (1, 3, 6, 1, 2, 1, 4, 35, 1, 7)
PORT_INTERFACE: Oid = (1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2)
BRIDGE_PORT: Oid = (1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2)
BRIDGE_STATUS: Oid = (1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 3)
Q_PORT: Oid = (1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 2)
Q_STATUS: Oid = (1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 3)
Q_VLAN_TABLE_OF: Oid = (1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 2, 1, 3)
Q_VLAN_NAME: Oid = (1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1, 1)
DOT11_SSID: Oid = (1, 2, 840, 10036, 1, 1, 1, 9)

_LEARNED, _UP, _ARP_INVALID = 3, 1, 2
_NEIGHBOUR_GONE = (5, 7)
_WIRED = {6: True, 71: False}
_ADDRESS_OCTETS = {1: 4, 2: 16, 3: 4, 4: 16}
_VLANS = range(1, 4095)


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """The columns that clients are read from; empty ones where the device has none."""

    arp_mac: Column = {}
    arp_type: Column = {}
    neighbour_mac: Column = {}
    neighbour_state: Column = {}
    bridge_port: Column = {}
    bridge_status: Column = {}
    q_port: Column = {}
    q_status: Column = {}
    q_vlan_table_of: Column = {}
    port_interface: Column = {}
    if_name: Column = {}
    if_type: Column = {}


class _Heard(msgspec.Struct, frozen=True):
    """Where a bridge has heard somebody."""

    port: int
    vlan: int | None


def clients_of(tables: Tables) -> list[Client]:
    """Who is there. With a forwarding table, online is who stands in it; without one, who has an address."""
    heard = _heard(tables)
    addressed = _addressed(tables)
    macs = list(dict.fromkeys([*heard, *addressed]))[:MAX_CLIENTS]
    return [_client(mac, heard, addressed.get(mac, {}), tables) for mac in macs]


def vlans_of(names: Column) -> list[Vlan]:
    """The VLANs of dot1qVlanStaticName."""
    found = ((index, name) for index, name in names.items() if len(index) == 1 and isinstance(name, bytes))
    return [Vlan(vlan_id=index[0], name=text_of(name)) for index, name in found if index[0] in _VLANS]


def wifis_of(ssids: Column, admin_status: Column) -> list[Wifi]:
    """The wireless networks of dot11DesiredSSID; one is enabled while its interface is."""
    return [
        Wifi(wifi_id=str(index[0]), ssid=text_of(ssid), enabled=admin_status.get(index, _UP) == _UP)
        for index, ssid in ssids.items()
        if len(index) == 1 and isinstance(ssid, bytes) and ssid
    ]


def text_of(octets: bytes) -> str:
    """What a device calls something, as text that can be shown."""
    return printable(octets.decode("utf-8", "replace"))


def _client(mac: str, heard: Mapping[str, _Heard], addresses: Mapping[str, int], tables: Tables) -> Client:
    place = heard.get(mac)
    interface = next(iter(addresses.values()), None)
    wired = None
    if place is not None:
        interface = _number(tables.port_interface.get((place.port,)))
        wired = _WIRED.get(_number(tables.if_type.get((interface or 0,))) or 0)
    name = tables.if_name.get((interface or 0,))
    told = text_of(name) if isinstance(name, bytes) else ""
    return Client(
        mac=mac,
        online=place is not None or not heard,
        addresses=tuple(addresses)[:MAX_ADDRESSES],
        interface=told or (f"port {place.port}" if place is not None else None),
        vlan=place.vlan if place is not None else None,
        wired=wired,
    )


def _heard(tables: Tables) -> dict[str, _Heard]:
    """By MAC address, where a bridge has learned it. The table with VLANs is believed before the one without."""
    found: dict[str, _Heard] = {}
    # dot1qVlanFdbId is indexed by a time mark and the VLAN. Mostly, and where the device does not say, table and VLAN
    # have the same number.
    vlan_of = {table: index[1] for index, table in tables.q_vlan_table_of.items() if len(index) == 2}
    for index, port in tables.q_port.items():
        if len(index) == 7 and tables.q_status.get(index, _LEARNED) == _LEARNED:
            vlan = vlan_of.get(index[0], index[0])
            _hear(found, list(index[1:]), port, vlan if vlan in _VLANS else None)
    for index, port in tables.bridge_port.items():
        if tables.bridge_status.get(index, _LEARNED) == _LEARNED:
            _hear(found, list(index), port, None)
    return found


def _hear(found: dict[str, _Heard], octets: list[int], port: int | bytes, vlan: int | None) -> None:
    mac = mac_of(_octets(octets))
    if mac is not None and isinstance(port, int) and port > 0:
        found.setdefault(mac, _Heard(port, vlan))


def _addressed(tables: Tables) -> dict[str, dict[str, int]]:
    """By MAC address, its IP addresses (IPv4 first) and the number of the interface each is on."""
    found: dict[str, dict[str, int]] = {}
    for index, mac in tables.arp_mac.items():
        if len(index) == 5 and tables.arp_type.get(index) != _ARP_INVALID:
            _address(found, mac, index[0], list(index[1:]))
    for index, mac in tables.neighbour_mac.items():
        length = _ADDRESS_OCTETS.get(index[1]) if len(index) > 3 else None
        if length is not None and tables.neighbour_state.get(index) not in _NEIGHBOUR_GONE:
            _address(found, mac, index[0], list(index[3 : 3 + length]))
    return {mac: dict(sorted(each.items(), key=lambda item: ":" in item[0])) for mac, each in found.items()}


def _address(found: dict[str, dict[str, int]], mac: int | bytes, interface: int, octets: list[int]) -> None:
    station = mac_of(mac) if isinstance(mac, bytes) else None
    written = _octets(octets)
    if station is not None and len(written) in (4, 16):
        found.setdefault(station, {})[str(ipaddress.ip_address(written))] = interface


def _octets(numbers: list[int]) -> bytes:
    """As bytes; empty where an agent tells numbers that are none."""
    return bytes(numbers) if all(each < 256 for each in numbers) else b""


def _number(value: int | bytes | None) -> int | None:
    return value if isinstance(value, int) else None
