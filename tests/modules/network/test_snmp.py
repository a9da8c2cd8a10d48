"""The driver `snmp` at Debian's snmpd, with the tables that switches, routers and access points have."""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from catalog.errors import FabricError
from catalog.provider import Target
from tests.modules.asking import ask, controller, opened, ports
from tests.modules.network import tables
from tests.modules.network.tables import LAPTOP, PHONE, PRINTER, SWITCH
from tests.modules.peers import snmpd
from tests.modules.peers.snmpd import AUTH, COMMUNITY, PRIV, USER, Snmpd

OPERATION = "network.client.list"
COVERS = pytest.mark.covers(OPERATION, driver="snmp", peer="snmpd")
V2C = {"community": COMMUNITY}
V3 = {"username": USER, "auth_password": AUTH, "priv_password": PRIV}


def at(agent: Snmpd, credentials: Mapping[str, str] = V2C, **settings: object) -> Target:
    return controller("snmp", {"address": agent.address, "port": agent.port, **settings}, credentials)


@COVERS
@pytest.mark.parametrize("credentials", [V2C, V3], ids=["v2c", "v3"])
async def test_a_switch_tells_ports_and_vlans(
    agent: Snmpd, credentials: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", agent.version)
    agent.serve(
        {
            **tables.interfaces({11: "ge-0/0/1", 12: "wlan0"}, kinds={11: 6, 12: 71}),
            **tables.ports({1: 11, 2: 12}),
            **tables.vlan_tables({30: 4001}),
            **tables.forwarding({(4001, PHONE): 2, (7, LAPTOP): 1}),
            **tables.forwarding({(7, SWITCH): 1}, status=4),
            **tables.arp({"10.0.0.10": PHONE, "10.0.0.12": PRINTER}, interface=11),
            **tables.neighbours({ipaddress.ip_address("2001:db8::10").packed: PHONE}, interface=11),
        }
    )
    async with ports() as real:
        answer = await ask(OPERATION, at(agent, credentials), real)
    told = {
        each["mac"]: (each["online"], each["interface"], each["vlan"], each["wired"], each["addresses"])
        for each in answer["clients"]
    }
    assert told == {
        PHONE: (True, "wlan0", 30, False, ["10.0.0.10", "2001:db8::10"]),
        LAPTOP: (True, "ge-0/0/1", 7, True, []),
        PRINTER: (False, "ge-0/0/1", None, None, ["10.0.0.12"]),
    }
    assert answer["total"] == 3


@COVERS
async def test_a_router_without_a_forwarding_table_tells_who_has_an_address(agent: Snmpd) -> None:
    agent.serve(
        {
            **tables.interfaces({3: "lan"}),
            **tables.arp({"10.0.0.10": PHONE}, interface=3),
            **tables.arp({"10.0.0.11": LAPTOP}, interface=3, kind=2),
            **tables.neighbours({bytes([10, 0, 0, 13]): PRINTER}, interface=4, state=7),
        }
    )
    async with ports() as real:
        answer = await ask(OPERATION, at(agent), real)
    (client,) = answer["clients"]
    assert (client["mac"], client["online"], client["interface"], client["address"]) == (
        PHONE,
        True,
        "lan",
        "10.0.0.10",
    )


@COVERS
async def test_an_old_bridge_without_vlans_is_read_as_well(agent: Snmpd) -> None:
    agent.serve({**tables.plain_forwarding({PHONE: 4}), **tables.interfaces({9: "nothing"})})
    async with ports() as real:
        (client,) = (await ask(OPERATION, at(agent), real))["clients"]
    assert (client["mac"], client["online"], client["interface"], client["vlan"]) == (PHONE, True, "port 4", None)


@COVERS
async def test_a_table_of_many_answers_is_read_to_its_end(agent: Snmpd) -> None:
    macs = [f"02:00:00:00:{number // 256:02x}:{number % 256:02x}" for number in range(80)]
    agent.serve(tables.plain_forwarding(dict.fromkeys(macs, 1)))
    async with ports() as real:
        answer = await ask(OPERATION, at(agent), real, limit=10)
    assert (len(answer["clients"]), answer["total"], answer["truncated"]) == (10, 80, True)


async def test_names_without_control_characters_and_of_bounded_length(agent: Snmpd) -> None:
    agent.serve({**tables.plain_forwarding({PHONE: 1}), **tables.ports({1: 5}),
                 **tables.interfaces({5: "a\x1b[31m" + "b" * 300})})  # fmt: skip
    async with ports() as real:
        (client,) = (await ask(OPERATION, at(agent), real))["clients"]
    assert client["interface"] == "a[31m" + "b" * 59


async def test_clients_are_devices_where_that_is_wanted(agent: Snmpd) -> None:
    agent.serve(tables.arp({"10.0.0.10": PHONE}))
    async with ports() as real:
        assert await opened(at(agent), real).devices() == ()
        (device,) = await opened(at(agent, watch_clients=True), real).devices()
    assert (device.device_id, device.online, device.facts) == (PHONE, True, {"mac": PHONE, "address": "10.0.0.10"})


async def test_the_test_says_what_works(agent: Snmpd) -> None:
    agent.serve({**tables.vlans({1: "default", 30: "phones"}), **tables.wifis({8: "home"})})
    async with ports() as real:
        checks = await opened(at(agent, V3), real).check()
    assert [(each.name, each.ok, each.detail) for each in checks] == [
        ("answer", True, "closet-switch"),
        ("list clients", True, "0 clients"),
        ("list VLANs", True, "2 VLANs"),
        ("list wireless networks", True, "1 wireless network"),
    ]


@pytest.mark.parametrize(
    ("credentials", "settings", "code"),
    [
        ({"community": "not-this-one"}, {"timeout_seconds": 0.5}, "TARGET_TIMEOUT"),
        ({**V3, "auth_password": "not this one"}, {}, "TARGET_AUTH_FAILED"),
        ({**V3, "username": "eve"}, {}, "TARGET_AUTH_FAILED"),
        ({**V3, "priv_password": "not this one"}, {"timeout_seconds": 0.5}, "TARGET_TIMEOUT"),
        ({"username": USER, "auth_password": AUTH}, {}, "TARGET_AUTH_FAILED"),
    ],
    ids=["community", "auth", "user", "priv", "level"],
)
async def test_who_is_not_let_in_is_told_and_nothing_of_the_credentials(
    agent: Snmpd, credentials: Mapping[str, str], settings: Mapping[str, object], code: str
) -> None:
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, at(agent, credentials, **settings), real)
        (check,) = await opened(at(agent, credentials, **settings), real).check()
        assert (await ask(OPERATION, at(agent, V3), real))["clients"] == []
    assert told.value.code == check.code == code
    assert "`peer`" in told.value.message
    for secret in credentials.values():
        assert secret not in f"{told.value.message} {told.value.hint} {check}"


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"community": "c", "username": "u"},
        {"community": "c", "auth_password": "long enough"},
        {"username": "u", "priv_password": "long enough"},
        {"username": "u", "auth_password": "short"},
        {"comunity": "c"},
    ],
)
async def test_credentials_that_no_agent_could_take_are_refused_before_it_is_asked(
    agent: Snmpd, credentials: Mapping[str, str]
) -> None:
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, at(agent, credentials), real)
    assert told.value.code == "CONTROLLER_CREDENTIALS"
    for secret in credentials.values():
        assert len(secret) < 2 or secret not in told.value.message


async def test_many_calls_at_once_share_the_way_and_keep_their_answers_apart(agent: Snmpd) -> None:
    agent.serve(tables.arp({"10.0.0.10": PHONE, "10.0.0.11": LAPTOP}))
    async with ports() as real:
        targets = [at(agent, V2C), at(agent, V3)] * 5
        answers = await asyncio.gather(*(ask(OPERATION, each, real) for each in targets))
    assert {answer["total"] for answer in answers} == {2}


async def test_an_agent_that_was_restarted_is_known_again_in_the_same_call(tmp_path: Path) -> None:
    with snmpd.snmpd(tmp_path) as own:
        async with ports() as real:
            target = at(own, V3, timeout_seconds=5)
            await ask(OPERATION, target, real)
            own.stop()
            own.start()
            own.serve(tables.arp({"10.0.0.10": PHONE}))
            assert (await ask(OPERATION, target, real))["total"] == 1


@pytest.mark.parametrize("credentials", [V2C, V3], ids=["v2c", "v3"])
async def test_it_is_reached_over_ipv6(agent: Snmpd, credentials: Mapping[str, str]) -> None:
    if not agent.ipv6:
        pytest.skip("this machine has no ::1")
    agent.serve(tables.arp({"10.0.0.10": PHONE}))
    async with ports() as real:
        target = controller("snmp", {"address": "::1", "port": agent.port}, credentials)
        assert (await ask(OPERATION, target, real))["total"] == 1


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "::ffff:169.254.169.254"])
async def test_an_address_that_nothing_may_reach_is_refused(address: str) -> None:
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, controller("snmp", {"address": address}, V2C), real)
    assert told.value.code.startswith("SSRF_")
