"""The driver `kamailio` at Debian's kamailio, with telephones that sipp plays."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from runtime.pollers.devices import DevicePoll
from tests.modules.asking import ask, controller, opened, ports
from tests.modules.looking import Looks
from tests.modules.peers.kamailio import PASSWORD, USERNAME, Kamailio, free_port

OPERATION = "voip.phone.live_status"
COVERS = pytest.mark.covers(OPERATION, driver="kamailio", peer="kamailio")
LOGIN = {"username": USERNAME, "password": PASSWORD}


def at(server: Kamailio, credentials: Mapping[str, str] = LOGIN, **settings: object) -> Target:
    return controller("kamailio", {"address": server.rpc, **settings}, credentials)


async def _until(state: str, server: Kamailio, real: Ports, phone: str) -> Json:
    """What the operation says once the telephone is in that state."""
    async with asyncio.timeout(8):
        while (answer := await ask(OPERATION, at(server), real, phone_id=phone))["state"] != state:
            await asyncio.sleep(0.02)
    return answer


@COVERS
async def test_a_registered_telephone_is_idle(server: Kamailio, record_property: Callable[[str, object], None]) -> None:
    record_property("peer_version", server.version)
    server.register("bob", free_port())
    async with ports() as real:
        answer = await ask(OPERATION, at(server), real, phone_id="bob")
        assert (await ask(OPERATION, at(server), real, phone_id="sip:bob"))["registered"]
    assert answer == {
        "phone_id": "bob",
        "registered": True,
        "state": "idle",
        "calls_known": True,
        "extension": "bob",
        "since": None,
        "address": "127.0.0.1",
        "agent": "Test phone 1.0",
    }


@COVERS
async def test_a_call_rings_is_talked_and_ends(server: Kamailio) -> None:
    port = free_port()
    server.register("cleo", port)
    async with ports() as real:
        with server.call("cleo", port, rings=0.6, talks=0.6):
            ringing = await _until("ringing", server, real, "cleo")
            talking = await _until("in_call", server, real, "cleo")
            assert (await ask(OPERATION, at(server), real, phone_id="bob"))["state"] != "in_call"
            await _until("idle", server, real, "cleo")
    for each in (ringing, talking):
        assert each["registered"]
        assert abs((datetime.now(UTC) - datetime.fromisoformat(each["since"])).total_seconds()) < 30


@COVERS
async def test_who_is_not_registered_is_offline(server: Kamailio) -> None:
    async with ports() as real:
        answer = await ask(OPERATION, at(server), real, phone_id="nobody@pbx.lan")
    assert (answer["registered"], answer["state"], answer["extension"]) == (False, "offline", "nobody")


@COVERS
async def test_without_the_module_dialog_it_says_that_calls_are_not_known(server_without_calls: Kamailio) -> None:
    server = server_without_calls
    server.register("dora", free_port())
    async with ports() as real:
        answer = await ask(OPERATION, at(server), real, phone_id="dora")
        checks = await opened(at(server), real).check()
    assert (answer["registered"], answer["state"], answer["calls_known"]) == (True, "idle", False)
    assert [(each.name, each.ok, each.code) for each in checks] == [
        ("answer", True, ""),
        ("list registrations", True, ""),
        ("list calls", False, "TARGET_REFUSED"),
    ]
    assert "`dialog`" in checks[-1].detail


async def test_a_registration_that_goes_is_a_device_that_goes(server: Kamailio) -> None:
    port = free_port()
    async with ports() as real:
        looks = Looks(DevicePoll(), at(server), real)
        await looks.once()
        server.register("emma", port)
        ((kind, payload),) = await looks.once()
        assert (kind, payload["device_id"], payload["data"]["kind"]) == ("device.discovered", "emma", "phone")
        assert payload["data"]["facts"] == {"address": "127.0.0.1", "agent": "Test phone 1.0"}
        server.register("emma", port)
        assert await looks.once() == []
        server.register("emma", port, expires=0)
        ((kind, payload),) = await looks.once()
        assert (kind, payload["data"]["new_status"]) == ("device.status.changed", "offline")
        server.register("emma", port)
        ((kind, payload),) = await looks.once()
        assert (kind, payload["data"]["new_status"]) == ("device.status.changed", "online")


async def test_the_test_says_what_works(server: Kamailio) -> None:
    async with ports() as real:
        checks = await opened(at(server), real).check()
    assert [(each.name, each.ok) for each in checks] == [
        ("answer", True),
        ("list registrations", True),
        ("list calls", True),
    ]
    assert checks[0].detail.startswith("kamailio 5.")


@pytest.mark.parametrize(
    ("credentials", "settings", "code"),
    [
        ({**LOGIN, "password": "not-this-one"}, {}, "TARGET_AUTH_FAILED"),
        ({}, {}, "TARGET_AUTH_FAILED"),
        (LOGIN, {"table": "nowhere"}, "TARGET_REFUSED"),
    ],
)
async def test_what_it_does_not_take_is_told(
    server: Kamailio, credentials: Mapping[str, str], settings: Mapping[str, object], code: str
) -> None:
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, at(server, credentials, **settings), real, phone_id="bob")
    assert told.value.code == code
    assert credentials.get("password", PASSWORD) not in f"{told.value.message} {told.value.hint}"


async def test_another_path_has_no_json_rpc(server: Kamailio) -> None:
    target = controller("kamailio", {"address": f"http://{server.host}:{server.port}/elsewhere"}, LOGIN)
    async with ports() as real:
        with pytest.raises(FabricError) as told:
            await ask(OPERATION, target, real, phone_id="bob")
    assert told.value.code == "TARGET_REFUSED"
    assert "jsonrpc_dispatch" in (told.value.hint or "")


@pytest.mark.parametrize("phone_id", ["", "bob smith", 'bob"', "bob\r\nX: y", "a" * 129, "<bob>", "sip:", "bob@"])
async def test_what_is_no_telephone_id_is_refused(server: Kamailio, phone_id: str) -> None:
    import msgspec

    async with ports() as real:
        with pytest.raises(msgspec.ValidationError):
            await ask(OPERATION, at(server), real, phone_id=phone_id)
