"""Devices: what two looks at a controller differ in, told once; what a restart, a gap and a neighbour do not change."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec
import pytest

from catalog.errors import TargetFailed
from catalog.events import Event
from catalog.registry import Registry
from catalog.schemas import validator
from runtime.drivers.driver import Device
from runtime.drivers.link import Link
from runtime.pollers import devices as looking
from runtime.pollers.devices import DevicePoll
from runtime.pollers.rests import GROWS_TO, JITTER, SHORTEST, until_first, until_next
from runtime.providers import NATIVE
from tests.fakes.drivers import Script, fake_driver, known
from tests.fakes.watching import FakeControllers, FakeSink, Watching, target, watching

SPECS = Registry(NATIVE).current().events


def device(name: str, *, online: bool = True, **facts: str) -> Device:
    return Device(device_id=name, name=name.title(), kind="camera", online=online, facts=facts)


class Site:
    """One controller, looked at every few milliseconds, and what happened since one asked last."""

    def __init__(self, folder: Path, script: Script) -> None:
        self.present: dict[str, Device] = {}
        self.error: TargetFailed | None = None
        self.clock = 1_800_000_000.0
        self.looks = 0
        self.sink = FakeSink()
        self._folder = folder
        self.told = 0
        script.devices = self._devices

    async def _devices(self, _link: Link) -> Sequence[Device]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return list(self.present.values())

    def put(self, *devices: Device) -> None:
        self.present.update({each.device_id: each for each in devices})

    async def looked(self, times: int = 2) -> list[tuple[str, str, str | None]]:
        """Type, device and new status of what has happened meanwhile; each event fits what the catalog says of it."""
        until = self.looks + times
        async with asyncio.timeout(10):
            while self.looks < until:
                await asyncio.sleep(0.002)
        events = list(self.sink.events.values())[self.told :]
        self.told += len(events)
        return [self._checked(each) for each in events]

    def _checked(self, event: Event) -> tuple[str, str, str | None]:
        assert validator(SPECS[event.type].payload_schema)(event.payload), event.payload
        assert event.payload["site_id"] == "site-1"
        assert event.payload["controller_id"] == "porch"
        return event.type, event.payload["device_id"], event.payload["data"].get("new_status")

    def watched(self, every: float = 0.01) -> AbstractAsyncContextManager[Watching]:
        porch = target("porch", settings={"poll_seconds": every})
        controllers = FakeControllers(porch)
        return watching(self._folder, controllers, DevicePoll(), sink=self.sink, now=lambda: self.clock)


async def test_a_devices_life_is_told_step_by_step(tmp_path: Path) -> None:
    with known(fake_driver()) as script:
        site = Site(tmp_path, script)
        site.put(device("a", address="1"), device("b", online=False))
        async with site.watched():
            assert await site.looked() == [("device.discovered", "a", "online"), ("device.discovered", "b", "offline")]
            assert await site.looked() == []
            site.put(device("a", online=False, address="1"))
            assert await site.looked() == [("device.status.changed", "a", "offline")]
            site.put(device("a", online=False, address="2"))
            assert await site.looked() == [("device.updated", "a", "offline")]
            site.put(device("a", address="3"))
            assert {each[0] for each in await site.looked()} == {"device.status.changed", "device.updated"}
    changed = [each.payload["data"]["changed"] for each in site.sink.events.values() if each.type == "device.updated"]
    assert changed == [["address"], ["address"]]


async def test_a_restart_discovers_nothing_again_and_sees_what_changed_meanwhile(tmp_path: Path) -> None:
    with known(fake_driver()) as script:
        site = Site(tmp_path, script)
        site.put(*(device(f"d{number}") for number in range(500)))
        async with site.watched():
            assert len(await site.looked()) == 500
        site.put(device("d7", online=False))
        async with site.watched():
            assert await site.looked() == [("device.status.changed", "d7", "offline")]


async def test_a_device_that_is_no_longer_listed_is_offline_and_not_discovered_when_it_is_back(tmp_path: Path) -> None:
    with known(fake_driver()) as script:
        site = Site(tmp_path, script)
        site.put(device("a"), device("b"))
        async with site.watched():
            await site.looked()
            del site.present["a"]
            assert await site.looked() == [("device.status.changed", "a", "offline")]
            assert await site.looked() == []
            site.put(device("a"))
            assert await site.looked() == [("device.status.changed", "a", "online")]
            del site.present["a"]
            await site.looked()
            site.clock += looking.FORGET_SECONDS
            await site.looked()
            site.put(device("a"))
            assert await site.looked() == [("device.discovered", "a", "online")]


async def test_there_is_an_end_to_the_unlisted_that_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "GONE_MOST", 3)
    with known(fake_driver()) as script:
        site = Site(tmp_path, script)
        site.put(*(device(f"d{number}") for number in range(5)))
        async with site.watched() as at:
            await site.looked()
            site.present.clear()
            await site.looked()
            assert len(at.memories.find("porch", "devices").kept["gone"]) == 3


async def test_one_failed_look_is_no_event_the_second_is_the_controllers_going(tmp_path: Path) -> None:
    with known(fake_driver()) as script:
        site = Site(tmp_path, script)
        site.put(device("a"))
        async with site.watched():
            await site.looked()
            site.error = TargetFailed("TARGET_UNREACHABLE", "It cannot be reached.")
            assert await site.looked(1) == []
            await site.looked(3)
            gone = [each for each in site.sink.events.values() if each.payload["device_id"] == "porch"]
            assert [each.payload["data"]["new_status"] for each in gone] == ["offline"]
            assert gone[0].payload["data"]["reason"] == "It cannot be reached."
            assert gone[0].payload["data"]["kind"] == "controller"
        # It is still away at the next start, and then it comes back: with the devices that it had.
        site.told = len(site.sink.events)
        async with site.watched():
            assert await site.looked(3) == []
            site.error = None
            assert await site.looked() == [("device.status.changed", "porch", "online")]


async def test_a_controllers_credentials_are_in_no_event(tmp_path: Path) -> None:
    with known(fake_driver(credentials=_Password)) as script:
        site = Site(tmp_path, script)
        site.put(device("a", url="rtsp://u:correct-horse@h/1"))
        porch = target("porch", settings={"poll_seconds": 0.01}, credentials={"password": "correct-horse"})
        async with watching(tmp_path, FakeControllers(porch), DevicePoll(), sink=site.sink):
            await site.looked()
            site.error = TargetFailed("TARGET_REFUSED", "It refuses `correct-horse`.")
            await site.looked(4)
    text = msgspec.json.encode(site.sink.published)
    assert b"It refuses" in text
    assert b"correct-horse" not in text


class _Password(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    password: str


async def test_what_another_version_remembered_is_not_held_against_the_watch(tmp_path: Path) -> None:
    with known(fake_driver()) as script:
        site = Site(tmp_path, script)
        site.put(device("a"))
        async with site.watched() as at:
            await site.looked()
            old = at.memories.find("porch", "devices")
            await at.memories.keep(msgspec.structs.replace(old, kept={"devices": ["of another shape"]}))
        async with site.watched():
            await site.looked()
    assert [each.type for each in site.sink.events.values()] == ["device.discovered", "device.discovered"]


@pytest.mark.parametrize(
    ("settings", "every"),
    [
        ({}, 60.0),
        ({"poll_seconds": 5}, 5.0),
        ({"poll_seconds": 0}, None),
        ({"poll_seconds": -1}, None),
        ({"poll_seconds": True}, None),
        ({"poll_seconds": "x"}, None),
        ({"poll_seconds": None}, None),
    ],
)
def test_the_rhythm_is_the_controllers_own_or_its_drivers(settings: dict[str, object], every: float | None) -> None:
    with known(fake_driver(), fake_driver("mute", devices=False)):
        found = DevicePoll().rhythm(target("a", settings=settings))
        assert (found.every if found else None) == every
        assert DevicePoll().rhythm(target("a", driver="mute")) is None
        assert DevicePoll().rhythm(target("a", driver="unheard-of")) is None


def test_rests_grow_to_a_quarter_of_an_hour_and_tremble() -> None:
    assert [until_next(60, failures, 0.5) for failures in range(7)] == [60, 60, 120, 240, 480, 900, 900]
    assert until_next(3600, 50, 0.5) == 3600
    assert until_next(1, 10_000, 0.5) == GROWS_TO
    assert until_next(1e-300, 0, 0.5) == SHORTEST
    assert until_next(1e-300, 50, 0.5) == GROWS_TO
    assert until_next(60, 0, 0.0) == pytest.approx(60 * (1 - JITTER))
    assert until_next(60, 0, 1.0) == pytest.approx(60 * (1 + JITTER))
    assert [until_first(each, 0.5) for each in (10, 60, 3600)] == [5, 30, 30]
