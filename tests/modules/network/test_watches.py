"""What the watches of networks tell: VLANs and wireless networks at snmpd, clients in network namespaces."""

import pytest

from catalog.errors import FabricError
from runtime.pollers.devices import DevicePoll
from runtime.pollers.networks import VLANS, WIFIS
from tests.modules.asking import controller, ports
from tests.modules.looking import Looks, Told
from tests.modules.network import tables
from tests.modules.network.test_snmp import at
from tests.modules.peers.namespaces import THERE, Wire
from tests.modules.peers.snmpd import Snmpd


def _told(told: Told, *fields: str) -> list[tuple[object, ...]]:
    return [(kind, *(payload[each] for each in fields)) for kind, payload in told]


async def test_vlans_come_change_and_go(agent: Snmpd) -> None:
    async with ports() as real:
        looks = Looks(VLANS, at(agent), real)
        agent.serve(tables.vlans({1: "default", 30: "phones", 40: "guests"}))
        assert await looks.once() == [], "the first look only learns"
        assert await looks.once() == []
        agent.serve(tables.vlans({1: "default", 30: "telephones", 50: "cameras"}))
        told = await looks.once()
        assert _told(told, "vlan_id", "name") == [
            ("network.vlan.created", 50, "cameras"),
            ("network.vlan.updated", 30, "telephones"),
            ("network.vlan.deleted", 40, "guests"),
        ]
        assert {(payload["controller_id"], payload["site_id"]) for _, payload in told} == {(looks.target.id, "house")}
        assert await looks.once() == []


async def test_wireless_networks_come_change_and_go(agent: Snmpd) -> None:
    async with ports() as real:
        looks = Looks(WIFIS, at(agent), real)
        agent.serve({**tables.wifis({7: "home", 8: "guests"}), **tables.interfaces({}, up={7: 1, 8: 1})})
        assert await looks.once() == []
        agent.serve({**tables.wifis({7: "home", 9: "new"}), **tables.interfaces({}, up={7: 2, 9: 1})})
        assert _told(await looks.once(), "wifi_id", "ssid", "enabled") == [
            ("network.wifi.created", "9", "new", True),
            ("network.wifi.updated", "7", "home", False),
            ("network.wifi.deleted", "8", "guests", True),
        ]


async def test_a_table_that_is_empty_for_one_look_has_lost_nothing(agent: Snmpd) -> None:
    async with ports() as real:
        looks = Looks(VLANS, at(agent), real)
        agent.serve(tables.vlans({1: "default", 30: "phones"}))
        await looks.once()
        agent.serve({})
        assert await looks.once() == []
        agent.serve(tables.vlans({1: "default", 30: "phones"}))
        assert await looks.once() == []
        agent.serve({})
        assert await looks.once() == []
        assert _told(await looks.once(), "vlan_id") == [("network.vlan.deleted", 1), ("network.vlan.deleted", 30)]
        assert await looks.once() == []


async def test_an_agent_that_does_not_answer_has_lost_nothing(agent: Snmpd) -> None:
    async with ports() as real:
        looks = Looks(VLANS, at(agent), real)
        agent.serve(tables.vlans({1: "default"}))
        await looks.once()
        known, reached = looks.memory, looks.target
        looks.target = at(agent, {"community": "not-this-one"}, timeout_seconds=0.2)
        with pytest.raises(FabricError) as told:
            await looks.once()
        assert told.value.code == "TARGET_TIMEOUT"
        looks.target = reached
        assert looks.memory == known
        assert await looks.once() == []


@pytest.mark.parametrize(
    ("driver", "settings", "seconds"),
    [
        ("snmp", {"address": "switch"}, 60.0),
        ("snmp", {"address": "switch", "poll_seconds": 5}, 5),
        ("snmp", {"address": "switch", "poll_seconds": 0}, None),
        ("snmp", {"address": "switch", "watch_tables": False}, None),
        ("snmp", {"address": 7}, None),
        ("netlink", {}, None),
        ("no-such-driver", {}, None),
    ],
)
def test_only_controllers_with_such_tables_are_looked_at(
    driver: str, settings: dict[str, object], seconds: float | None
) -> None:
    for poll in (VLANS, WIFIS):
        rhythm = poll.rhythm(controller(driver, settings))
        assert (None if rhythm is None else rhythm.every) == seconds


async def test_a_client_that_a_look_misses_is_no_event_and_one_that_stays_away_is_one(wire: Wire) -> None:
    wire.speak(THERE)
    wire.wait_until_known(wire.mac)
    async with ports() as real:
        settings = {"namespace": wire.home, "watch_clients": True, "offline_after": 3}
        looks = Looks(DevicePoll(), controller("netlink", settings), real)
        assert _told(await looks.once(), "device_id") == [("device.discovered", wire.mac)]
        wire.ip("neigh", "flush", "dev", wire.here, namespace=wire.home)
        assert await looks.once() == []
        wire.speak(THERE)
        wire.wait_until_known(wire.mac)
        assert await looks.once() == []
        wire.ip("neigh", "flush", "dev", wire.here, namespace=wire.home)
        assert [await looks.once() for _ in range(2)] == [[], []]
        ((kind, payload),) = await looks.once()
        assert (kind, payload["device_id"], payload["data"]["new_status"]) == (
            "device.status.changed",
            wire.mac,
            "offline",
        )
        assert await looks.once() == []
        wire.speak(THERE)
        wire.wait_until_known(wire.mac)
        ((kind, payload),) = await looks.once()
        assert (kind, payload["data"]["new_status"]) == ("device.status.changed", "online")
