"""The driver `sip`: a proxy (Debian's kamailio) and a telephone (sipp) that answer OPTIONS."""

import time
from collections.abc import Callable, Mapping

import pytest

from catalog.errors import FabricError
from catalog.provider import Target
from runtime.pollers.devices import DevicePoll
from tests.modules.asking import ask, controller, opened, ports
from tests.modules.looking import Looks
from tests.modules.peers.kamailio import PASSWORD, USERNAME, Kamailio, free_port

OPERATION = "voip.phone.live_status"
AT_A_PROXY = pytest.mark.covers(OPERATION, driver="sip", peer="kamailio")
AT_A_PHONE = pytest.mark.covers(OPERATION, driver="sip", peer="sipp")
LOGIN = {"username": USERNAME, "password": PASSWORD}


def at(
    server: Kamailio, transport: str = "udp", credentials: Mapping[str, str] | None = None, **more: object
) -> Target:
    port = server.tls_port if transport == "tls" else server.port
    settings = {"address": server.host, "port": port, "transport": transport, **more}
    if transport == "tls":
        settings.setdefault("ca_file", str(server.ca_file))
    return controller("sip", settings, credentials)


@AT_A_PROXY
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_proxy_asks_its_telephone(
    server: Kamailio, transport: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", server.version)
    port = free_port()
    server.register("frida", port)
    async with ports() as real:
        with server.telephone(port):
            answer = await ask(OPERATION, at(server, transport), real, phone_id="frida")
    assert answer == {
        "phone_id": "frida",
        "registered": True,
        "state": "idle",
        "calls_known": False,
        "extension": "frida",
        "since": None,
        "address": None,
        "agent": "Test phone 1.0",
    }


@AT_A_PHONE
async def test_a_telephone_is_asked_itself(server: Kamailio, record_property: Callable[[str, object], None]) -> None:
    record_property("peer_version", server.version)
    port = free_port()
    async with ports() as real:
        with server.telephone(port):
            target = controller("sip", {"address": "127.0.0.1", "port": port})
            answer = await ask(OPERATION, target, real, phone_id="anyone")
        assert (answer["registered"], answer["agent"]) == (True, "Test phone 1.0")
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, target, real, phone_id="anyone")
    assert told.value.code == "TARGET_UNREACHABLE"


@AT_A_PROXY
async def test_one_that_is_not_registered_is_offline_and_one_that_is_busy_is_in_a_call(server: Kamailio) -> None:
    async with ports() as real:
        away = await ask(OPERATION, at(server), real, phone_id="nobody")
        busy = await ask(OPERATION, at(server, "tcp"), real, phone_id="busy")
    assert (away["registered"], away["state"]) == (False, "offline")
    assert (busy["registered"], busy["state"], busy["calls_known"]) == (True, "in_call", True)


@AT_A_PROXY
@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_a_proxy_that_wants_a_password_is_given_it(server: Kamailio, transport: str) -> None:
    async with ports() as real:
        answer = await ask(OPERATION, at(server, transport, LOGIN), real, phone_id="guarded")
        assert answer["registered"]
        for wrong in ({}, {**LOGIN, "password": "not-this-one"}):
            with pytest.raises(FabricError) as told:
                await ask(OPERATION, at(server, transport, wrong), real, phone_id="guarded")
            assert told.value.code == "TARGET_AUTH_FAILED"
            assert "not-this-one" not in f"{told.value.message} {told.value.hint}"


async def test_its_telephones_are_devices(server: Kamailio) -> None:
    port = free_port()
    server.register("greta", port)
    async with ports() as real:
        target = at(server, phones=["greta", "nobody"])
        with server.telephone(port):
            looks = Looks(DevicePoll(), target, real)
            told = await looks.once()
            checks = await opened(target, real).check()
        server.register("greta", port, expires=0)
        ((kind, payload),) = await looks.once()
    assert [(payload["device_id"], payload["data"]["new_status"]) for _, payload in told] == [
        ("greta", "online"),
        ("nobody", "offline"),
    ]
    assert (kind, payload["device_id"], payload["data"]["new_status"]) == ("device.status.changed", "greta", "offline")
    assert [(each.name, each.ok, each.detail) for each in checks] == [
        ("answer", True, checks[0].detail),
        ("ask its telephones", True, "1 of 2 telephones there"),
    ]
    assert checks[0].detail.startswith("kamailio (5.")


async def test_a_certificate_of_nobody_we_trust_is_refused(server: Kamailio) -> None:
    target = at(server, "tls")
    settings = {name: value for name, value in target.settings.items() if name != "ca_file"}
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, controller("sip", settings), real, phone_id="bob")
    assert told.value.code == "TARGET_UNREACHABLE"
    assert "certificate" in told.value.message


async def test_tls_is_not_spoken_where_it_is_not_heard(server: Kamailio) -> None:
    settings = {"address": server.host, "port": server.port, "transport": "tls", "ca_file": str(server.ca_file)}
    began = time.monotonic()
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, controller("sip", {**settings, "timeout_seconds": 0.5}), real, phone_id="bob")
    assert told.value.code in {"TARGET_UNREACHABLE", "TARGET_TIMEOUT"}
    assert time.monotonic() - began < 3
