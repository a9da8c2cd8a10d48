"""SNMP tables of devices that tell nonsense: rows are left out, and nothing is ever raised."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.drivers.network.face import MAX_ADDRESSES, MAX_DEVICES, Client, devices_of
from runtime.drivers.network.macs import mac_from_text, mac_of
from runtime.drivers.network.snmp_tables import Tables, clients_of, vlans_of, wifis_of
from runtime.providers.network import fitting

INDEX = st.lists(st.one_of(st.integers(0, 300), st.integers(0, 2**32)), max_size=22).map(tuple)
VALUE = st.one_of(st.integers(-(2**31), 2**64), st.binary(max_size=8))
COLUMN = st.dictionaries(INDEX, VALUE, max_size=12)
NAMES = Tables.__struct_fields__


@settings(max_examples=40)
@given(st.fixed_dictionaries(dict.fromkeys(NAMES, COLUMN)))
def test_whatever_stands_in_the_tables_clients_come_of_it(
    columns: dict[str, dict[tuple[int, ...], int | bytes]],
) -> None:
    clients = clients_of(Tables(**columns))
    assert len({each.mac for each in clients}) == len(clients)
    for each in clients:
        assert mac_from_text(each.mac) == each.mac
        assert each.vlan is None or 1 <= each.vlan <= 4094
        assert len(each.addresses) <= MAX_ADDRESSES


@given(COLUMN, COLUMN)
def test_whatever_stands_in_the_tables_networks_come_of_it(
    names: dict[tuple[int, ...], int | bytes], states: dict[tuple[int, ...], int | bytes]
) -> None:
    for vlan in vlans_of(names):
        assert 1 <= vlan.vlan_id <= 4094
        assert vlan.name.isprintable()
    for wifi in wifis_of(names, states):
        assert wifi.ssid.isprintable()
        assert wifi.wifi_id.isdigit()


def test_groups_zeros_and_other_lengths_are_no_station() -> None:
    assert mac_of(bytes.fromhex("02000000000a")) == "02:00:00:00:00:0a"
    for octets in ("ffffffffffff", "01005e000001", "333300000001", "000000000000", "0200000000", "02000000000a00"):
        assert mac_of(bytes.fromhex(octets)) is None
    assert mac_from_text("02:00:00:00:00:0A") == "02:00:00:00:00:0a"
    for text in ("", "None", "02:00:00:00:00", "02-00-00-00-00-0a", "02:00:00:00:00:0g", "02:00:00:00:00:0a\n"):
        assert mac_from_text(text) is None


def test_a_flood_of_addresses_floods_nobody_with_devices() -> None:
    clients = [Client(mac=mac_of((2 << 40 | number).to_bytes(6, "big")) or "", online=True) for number in range(5000)]
    devices = devices_of(clients)
    assert len(devices) == MAX_DEVICES
    assert devices == devices_of(clients[::-1])


def test_an_answer_fits_into_a_steps_output() -> None:
    many = tuple(f"2001:db8::{number:x}:ffff:ffff:ffff" for number in range(MAX_ADDRESSES))
    clients = [Client(mac=mac_of((2 << 40 | each).to_bytes(6, "big")) or "", online=True, addresses=many)
               for each in range(1000)]  # fmt: skip
    told = fitting(clients, 1000)
    assert 200 < len(told) < 1000
    assert len(msgspec.json.encode(told)) < 256 * 1024
    assert len(fitting(clients, 7)) == 7
