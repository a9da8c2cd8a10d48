"""The driver `ulogd`: real packets, logged by real nftables, written by a real ulogd2."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from runtime.drivers.firewall.settings import Severity
from runtime.drivers.firewall.ulogd import severity_of
from runtime.pollers.devices import DevicePoll
from runtime.pollers.gateways import GatewayPoll
from tests.modules.asking import ask, controller, opened
from tests.modules.looking import Looks
from tests.modules.peers.nft_log import NftLog

COVERS = pytest.mark.covers("firewall.search_alerts", driver="ulogd", peer="nftables and ulogd2")
OPERATION = "firewall.search_alerts"


def at(gateway: NftLog, **settings: Json) -> Target:
    return controller("ulogd", {"file": str(gateway.log), **settings})


@COVERS
async def test_packets_that_a_rule_logs_are_found(
    gateway: NftLog, homed: Ports, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", gateway.version)
    before = time.time()
    gateway.send(9)
    gateway.send(7)
    gateway.wait_for(2)
    target = at(gateway, severities={"echo": "medium"})
    found = await ask(OPERATION, target, homed)
    assert (found["total"], found["complete"]) == (2, True)
    echo, drop = found["alerts"]
    assert (drop["signature"], drop["severity"], drop["protocol"]) == ("[high] drop discard", "high", "UDP")
    assert (echo["signature"], echo["severity"]) == ("echo", "medium")
    assert drop["destination"] == "127.0.0.1:9"
    assert drop["source"].startswith("127.0.0.1:")
    assert before - 1 < datetime.fromisoformat(drop["at"]).timestamp() < time.time() + 1
    assert (await ask(OPERATION, target, homed, severity="high"))["total"] == 1
    assert (await ask(OPERATION, target, homed, query="discard DROP"))["total"] == 1
    assert (await ask(OPERATION, target, homed, query="lo"))["total"] == 2
    assert (await ask(OPERATION, target, homed, query="discard echo"))["total"] == 0


@COVERS
async def test_nothing_is_lost_and_nothing_comes_twice_when_the_log_is_rotated(gateway: NftLog, homed: Ports) -> None:
    target = at(gateway)
    already = (await ask(OPERATION, target, homed))["total"]
    written = gateway.log.read_bytes().count(b"\n")
    gateway.send(19)
    gateway.wait_for(written + 1)
    gateway.rotate()
    gateway.send(19)
    gateway.wait_for(1)
    found = await ask(OPERATION, target, homed, query="chargen")
    assert (found["total"], found["complete"]) == (2, True)
    assert (await ask(OPERATION, target, homed))["total"] == already + 2


async def test_a_gateway_whose_log_writer_has_ended_is_offline(gateway: NftLog, homed: Ports) -> None:
    target = at(gateway, pid_file=str(gateway.pid_file))
    looks, devices = Looks(GatewayPoll(), target, homed), Looks(DevicePoll(), target, homed)
    assert await looks.once() == []
    assert [payload["data"]["new_status"] for _, payload in await devices.once()] == ["online"]
    assert all(each.ok for each in await opened(target, homed).check())
    gateway.end_ulogd()
    assert await looks.once() == [], "a restart takes a moment"
    ((kind, payload),) = await looks.once()
    assert (kind, payload["gateway_name"]) == ("gateway.brain.offline", "peer")
    assert "has ended" in payload["reason"]
    assert await looks.once() == []
    failed = [each for each in await opened(target, homed).check() if not each.ok]
    assert [each.name for each in failed] == ["gateway at work"]


@pytest.mark.parametrize(
    ("prefix", "severity"),
    [
        ("[critical] x", "critical"),
        ("x [HIGH]", "high"),
        ("medium: x", "medium"),
        ("x medium: y", "low"),
        ("highly", "low"),
        ("", "low"),
        ("drop ssh", "critical"),
        ("drop telnet", "medium"),
        ("[high] drop ssh", "high"),
    ],
)
def test_a_prefix_says_how_bad_it_is_unless_the_settings_do(prefix: str, severity: Severity) -> None:
    assert severity_of(prefix, {"drop": "medium", "drop ssh ": "critical"}, "low") == severity
