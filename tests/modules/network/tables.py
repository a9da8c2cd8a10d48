"""SNMP tables as devices have them, for a peer to serve."""

Objects = dict[str, tuple[str, str]]

PHONE, LAPTOP, PRINTER, SWITCH = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c", "02:00:00:00:00:01"


def interfaces(names: dict[int, str], kinds: dict[int, int] | None = None, up: dict[int, int] | None = None) -> Objects:
    """ifName, ifType and ifAdminStatus."""
    found: Objects = {f"1.3.6.1.2.1.31.1.1.1.1.{number}": ("string", name) for number, name in names.items()}
    found |= {f"1.3.6.1.2.1.2.2.1.3.{number}": ("integer", str(kind)) for number, kind in (kinds or {}).items()}
    return found | {f"1.3.6.1.2.1.2.2.1.7.{number}": ("integer", str(state)) for number, state in (up or {}).items()}


def arp(entries: dict[str, str], interface: int = 1, kind: int = 3) -> Objects:
    """ipNetToMediaTable: IPv4 address → MAC."""
    base = "1.3.6.1.2.1.4.22.1"
    found: Objects = {}
    for address, mac in entries.items():
        found[f"{base}.2.{interface}.{address}"] = ("octet", _octets(mac))
        found[f"{base}.4.{interface}.{address}"] = ("integer", str(kind))
    return found


def neighbours(entries: dict[bytes, str], interface: int = 1, state: int = 1) -> Objects:
    """ipNetToPhysicalTable: packed address → MAC."""
    found: Objects = {}
    for address, mac in entries.items():
        kind = 1 if len(address) == 4 else 2
        index = f"{interface}.{kind}.{len(address)}.{'.'.join(map(str, address))}"
        found[f"1.3.6.1.2.1.4.35.1.4.{index}"] = ("octet", _octets(mac))
        found[f"1.3.6.1.2.1.4.35.1.7.{index}"] = ("integer", str(state))
    return found


def ports(interface_of: dict[int, int]) -> Objects:
    """dot1dBasePortIfIndex."""
    return {f"1.3.6.1.2.1.17.1.4.1.2.{port}": ("integer", str(each)) for port, each in interface_of.items()}


def forwarding(entries: dict[tuple[int, str], int], status: int = 3) -> Objects:
    """dot1qTpFdbTable: (table, MAC) → port."""
    found: Objects = {}
    for (table, mac), port in entries.items():
        found[f"1.3.6.1.2.1.17.7.1.2.2.1.2.{table}.{_index(mac)}"] = ("integer", str(port))
        found[f"1.3.6.1.2.1.17.7.1.2.2.1.3.{table}.{_index(mac)}"] = ("integer", str(status))
    return found


def plain_forwarding(entries: dict[str, int]) -> Objects:
    """dot1dTpFdbTable: MAC → port."""
    found: Objects = {}
    for mac, port in entries.items():
        found[f"1.3.6.1.2.1.17.4.3.1.2.{_index(mac)}"] = ("integer", str(port))
        found[f"1.3.6.1.2.1.17.4.3.1.3.{_index(mac)}"] = ("integer", "3")
    return found


def vlan_tables(table_of: dict[int, int]) -> Objects:
    """dot1qVlanFdbId: VLAN → forwarding table."""
    return {f"1.3.6.1.2.1.17.7.1.4.2.1.3.0.{vlan}": ("gauge", str(table)) for vlan, table in table_of.items()}


def vlans(names: dict[int, str]) -> Objects:
    """dot1qVlanStaticName."""
    return {f"1.3.6.1.2.1.17.7.1.4.3.1.1.{vlan}": ("string", name) for vlan, name in names.items()}


def wifis(ssids: dict[int, str]) -> Objects:
    """dot11DesiredSSID."""
    return {f"1.2.840.10036.1.1.1.9.{interface}": ("string", ssid) for interface, ssid in ssids.items()}


def _octets(mac: str) -> str:
    return mac.replace(":", " ")


def _index(mac: str) -> str:
    return ".".join(str(int(part, 16)) for part in mac.split(":"))
