"""The driver `netlink`, in network namespaces that the test makes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg

from catalog.errors import FabricError
from catalog.provider import Target
from runtime.drivers.network.netlink_tables import (
    Heard,
    Interface,
    Message,
    clients_of,
    forwarded_of,
    interfaces_of,
    neighbour_of,
)
from tests.modules.asking import ask, controller, opened, ports
from tests.modules.peers import namespaces
from tests.modules.peers.namespaces import THERE, Wire

COVERS = pytest.mark.covers("network.client.list", driver="netlink", peer="network namespaces")
OPERATION = "network.client.list"


def _at(wire: Wire, **settings: object) -> Target:
    return controller("netlink", {"namespace": wire.home, **settings})


def _namespaces() -> list[int]:
    return [Path(f"/proc/{each}/ns/net").stat().st_ino for each in ("self", "thread-self")]


def _exists(namespace: str) -> bool:
    return Path("/run/netns", namespace).exists()


@pytest.fixture
def met(wire: Wire) -> Wire:
    """Both have spoken to each other."""
    wire.speak(THERE)
    wire.wait_until_known(wire.mac)
    return wire


@COVERS
async def test_who_was_spoken_to_is_listed(met: Wire, record_property: Callable[[str, object], None]) -> None:
    record_property("peer_version", met.version)
    async with ports() as real:
        answer = await ask(OPERATION, _at(met), real)
    (client,) = answer["clients"]
    seen = datetime.fromisoformat(client.pop("last_seen"))
    assert abs((datetime.now(UTC) - seen).total_seconds()) < 60
    assert client == {
        "mac": met.mac,
        "online": True,
        "addresses": [THERE],
        "address": THERE,
        "name": None,
        "interface": met.here,
        "vlan": None,
        "wired": None,
    }
    assert (answer["total"], answer["truncated"]) == (1, False)


@COVERS
async def test_two_addresses_are_one_client_and_a_silent_one_comes_last(met: Wire) -> None:
    quiet = "02:00:00:00:00:07"
    met.ip("addr", "add", "10.87.0.22/24", "dev", met.there, namespace=met.far)
    met.speak("10.87.0.22")
    met.ip("neigh", "replace", "10.87.0.7", "lladdr", quiet, "dev", met.here, "nud", "stale", namespace=met.home)
    try:
        async with ports() as real:
            answer = await ask(OPERATION, _at(met, seen_within_seconds=0.001), real)
            limited = await ask(OPERATION, _at(met, seen_within_seconds=0.001), real, limit=1)
            online = await ask(OPERATION, _at(met, seen_within_seconds=0.001), real, online_only=True)
    finally:
        met.ip("neigh", "del", "10.87.0.7", "dev", met.here, namespace=met.home)
        met.ip("addr", "del", "10.87.0.22/24", "dev", met.there, namespace=met.far)
    assert [(each["mac"], each["online"]) for each in answer["clients"]] == [(met.mac, True), (quiet, False)]
    assert set(answer["clients"][0]["addresses"]) == {THERE, "10.87.0.22"}
    # Which of its addresses was heard of last may change from one call to the next.
    assert [each["mac"] for each in limited["clients"]] == [each["mac"] for each in online["clients"]] == [met.mac]
    assert (limited["total"], limited["truncated"]) == (2, True)
    assert (online["total"], online["truncated"]) == (1, False)


@COVERS
async def test_behind_a_bridge_a_client_is_at_its_port_whether_it_has_an_address_or_not() -> None:
    with namespaces.wire(bridge="br0") as bridged:
        bridged.speak(THERE)
        bridged.wait_until_known(bridged.mac)
        async with ports() as real:
            (client,) = (await ask(OPERATION, _at(bridged), real))["clients"]
            assert (client["interface"], client["address"], client["online"]) == (bridged.here, THERE, True)
            assert len((await ask(OPERATION, _at(bridged, interfaces=["br0"]), real))["clients"]) == 1
            bridged.ip("neigh", "flush", "dev", "br0", namespace=bridged.home)
            (client,) = (await ask(OPERATION, _at(bridged), real))["clients"]
    assert (client["mac"], client["interface"], client["addresses"]) == (bridged.mac, bridged.here, [])
    assert client["last_seen"] is not None


def _decoded(kind: type, fields: dict[str, int], attributes: list[tuple[str, object]]) -> Message:
    """A message as it comes from the kernel: encoded, and decoded by the library."""
    sent = kind()
    for name, value in fields.items():
        sent[name] = value
    sent["attrs"] = attributes
    sent.encode()
    came = kind(sent.data)
    came.decode()
    return cast(Message, came)


def test_the_vlan_of_an_interface_and_of_a_bridges_entry_is_told() -> None:
    vlan = {"attrs": [("IFLA_VLAN_ID", 30)]}
    info = {"attrs": [("IFLA_INFO_KIND", "vlan"), ("IFLA_INFO_DATA", vlan)]}
    links = [
        _decoded(ifinfmsg, {"index": 7}, [("IFLA_IFNAME", "lan.30"), ("IFLA_LINKINFO", info)]),
        _decoded(ifinfmsg, {"index": 8}, [("IFLA_IFNAME", "port1"), ("IFLA_MASTER", 9)]),
    ]
    interfaces = interfaces_of(links, [])
    assert interfaces == {7: Interface("lan.30", 30), 8: Interface("port1", None, 9)}
    times = {"ndm_confirmed": 0, "ndm_used": 0, "ndm_updated": 200, "ndm_refcnt": 0}
    phone, laptop = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
    neighbour = _decoded(
        ndmsg,
        {"family": 2, "ifindex": 7, "state": 0x80},
        [("NDA_DST", "10.0.30.5"), ("NDA_LLADDR", phone)],
    )
    forwarded = _decoded(
        ndmsg,
        {"family": 7, "ifindex": 8, "state": 2},
        [("NDA_LLADDR", laptop), ("NDA_VLAN", 40), ("NDA_CACHEINFO", times)],
    )
    heard = [neighbour_of(neighbour, interfaces, 900), forwarded_of(forwarded, interfaces, 900)]
    first, second = clients_of([each for each in heard if each is not None], 1000.0)
    assert (first.mac, first.vlan, first.interface, first.online, first.seen) == (phone, 30, "lan.30", True, None)
    assert (second.mac, second.vlan, second.interface, second.online, second.seen) == (laptop, 40, "port1", True, 998.0)
    assert forwarded_of(forwarded, interfaces, 1) == Heard(laptop, "port1", True, 2.0, 40)
    assert neighbour_of(forwarded, interfaces, 900) is forwarded_of(neighbour, interfaces, 900) is None


async def test_only_the_interfaces_that_are_named_are_looked_at(met: Wire) -> None:
    async with ports() as real:
        assert (await ask(OPERATION, _at(met, interfaces=["lo"]), real))["clients"] == []
        assert len((await ask(OPERATION, _at(met, interfaces=[met.here]), real))["clients"]) == 1


async def test_the_server_itself_stays_in_its_own_namespace(met: Wire) -> None:
    before = _namespaces()
    async with ports() as real:
        own = await ask(OPERATION, controller("netlink"), real)
        await ask(OPERATION, _at(met), real)
        assert met.mac not in [each["mac"] for each in own["clients"]]
    assert _namespaces() == before


async def test_a_namespace_that_is_not_there_is_told_and_not_made() -> None:
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, controller("netlink", {"namespace": "fab-nowhere"}), real)
        (check,) = await opened(controller("netlink", {"namespace": "fab-nowhere"}), real).check()
    assert told.value.code == check.code == "TARGET_NOT_FOUND"
    assert "`peer`" in told.value.message
    assert "`fab-nowhere`" in told.value.message
    assert not _exists("fab-nowhere")


@pytest.mark.parametrize("name", ["../1/ns/net", "/proc/1/ns/net", "a b", "-a", ".."])
async def test_a_namespace_is_a_name_and_no_path(name: str) -> None:
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, controller("netlink", {"namespace": name}), real)
    assert told.value.code == "CONTROLLER_SETTINGS"


async def test_clients_are_devices_where_that_is_wanted(met: Wire) -> None:
    async with ports() as real:
        assert await opened(_at(met), real).devices() == ()
        (device,) = await opened(_at(met, watch_clients=True), real).devices()
        (check,) = await opened(_at(met), real).check()
    assert (device.device_id, device.kind, device.online) == (met.mac, "client", True)
    assert device.facts == {"mac": met.mac, "address": THERE}
    assert (check.ok, check.detail) == (True, "1 client, 1 online")
