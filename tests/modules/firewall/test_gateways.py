"""What the watches of gateways tell: what came while nobody read, and that one is no longer at work."""

import asyncio
import os
import time
from pathlib import Path

import apsw
import msgspec
import pytest

from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from catalog.registry import Registry
from catalog.schemas import validator
from runtime.pollers import gateways
from runtime.pollers.gateways import AlertFollow, GatewayPoll
from runtime.providers import NATIVE
from tests.fakes.watching import FakeControllers, FakeSink, watching
from tests.modules.asking import ask, controller
from tests.modules.firewall.test_eve import at
from tests.modules.looking import Looks
from tests.modules.peers.eve_log import EveLog, stats

OPERATION = "firewall.search_alerts"
EVENTS = Registry(NATIVE).current().events


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "READ_EVERY", 0.01)


def changed(sink: FakeSink) -> list[int]:
    for event in sink.published:
        assert event.type == "gateway.sync.completed"
        assert validator(EVENTS[event.type].payload_schema)(event.payload)
    return [event.payload["changed"] for event in sink.events.values()]


async def read_to(target: Target, ports: Ports, size: int) -> None:
    """Until the follower has read so many bytes; nobody else reads meanwhile."""
    async with asyncio.timeout(5):
        while ((await asyncio.to_thread(_state, ports, target)).get("place") or {}).get("offset") != size:
            await asyncio.sleep(0.01)


def _state(ports: Ports, target: Target) -> Json:
    """What the index knows of itself; nothing where there is none yet."""
    assert ports.home is not None
    file = ports.home / "alerts" / f"{target.id}.sqlite"
    if not file.exists():
        return {}
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(5000)
    try:
        state = connection.execute("SELECT state FROM standing").get
    except apsw.SQLError:
        return {}
    finally:
        connection.close()
    return {} if state is None else msgspec.json.decode(state)


async def test_what_came_while_nobody_read_is_told_of_once(eve: EveLog, homed: Ports, tmp_path: Path) -> None:
    target, sink = at(eve), FakeSink()
    for count, told in ((3, [3]), (0, [3]), (2, [3, 2])):
        eve.alerts(range(count))
        async with watching(tmp_path, FakeControllers(target), follows=[AlertFollow()], sink=sink, ports=homed):
            await sink.wait_for(len(told))
            if count:
                eve.alerts([100])
                await read_to(target, homed, eve.path.stat().st_size)
        assert changed(sink) == told
        found = await ask(OPERATION, target, homed)
        assert found["complete"]


async def test_a_search_before_the_follower_came_keeps_nothing_from_it(
    eve: EveLog, homed: Ports, tmp_path: Path
) -> None:
    target, sink = at(eve), FakeSink()
    eve.alerts(range(4))
    assert (await ask(OPERATION, target, homed))["total"] == 4
    async with watching(tmp_path, FakeControllers(target), follows=[AlertFollow()], sink=sink, ports=homed):
        await sink.wait_for(1)
    assert changed(sink) == [4]


async def test_what_a_search_read_while_the_follower_listened_is_not_told_of(
    eve: EveLog, homed: Ports, tmp_path: Path
) -> None:
    target, sink = at(eve), FakeSink()
    eve.alerts([0])
    async with watching(tmp_path, FakeControllers(target), follows=[AlertFollow()], sink=sink, ports=homed):
        await sink.wait_for(1)
        eve.alerts([1])
        await ask(OPERATION, target, homed)
        async with asyncio.timeout(5):
            while (await asyncio.to_thread(_state, homed, target)).get("told") != 2:
                await asyncio.sleep(0.01)
    async with watching(tmp_path, FakeControllers(target), follows=[AlertFollow()], sink=sink, ports=homed):
        eve.write(stats(2))
        await read_to(target, homed, eve.path.stat().st_size)
    assert changed(sink) == [1]


async def test_a_log_that_is_not_there_yet_is_waited_for(eve: EveLog, homed: Ports, tmp_path: Path) -> None:
    target, sink = at(eve), FakeSink()
    eve.path.unlink()
    async with watching(tmp_path, FakeControllers(target), follows=[AlertFollow()], sink=sink, ports=homed):
        await asyncio.sleep(0.05)
        eve.alerts(range(2))
        await sink.wait_for(1)
        assert len(sink.events) == 1


async def test_silence_is_told_of_once_and_again_after_there_was_something_to_hear(eve: EveLog, homed: Ports) -> None:
    looks = Looks(GatewayPoll(), at(eve, stale_seconds=60), homed)
    eve.write(stats(0))
    assert await looks.once() == []
    for _ in range(2):
        quiet = time.time() - 100
        os.utime(eve.path, (quiet, quiet))
        assert await looks.once() == [], "one look is none"
        ((kind, payload),) = await looks.once()
        assert kind == "gateway.brain.offline"
        assert payload["reason"].startswith("it has logged nothing for 10")
        assert payload["last_seen"] < payload_now()
        assert await looks.once() == []
        eve.write(stats(1))
        assert await looks.once() == []


def payload_now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def test_a_log_that_is_gone_for_a_moment_is_no_event_and_for_longer_it_is(eve: EveLog, homed: Ports) -> None:
    looks = Looks(GatewayPoll(), at(eve), homed)
    assert await looks.once() == []
    eve.path.rename(f"{eve.path}.1")
    assert await looks.once() == []
    eve.path.touch()
    assert await looks.once() == []
    eve.path.unlink()
    assert await looks.once() == []
    ((_, payload),) = await looks.once()
    assert payload["reason"] == "its log cannot be opened: no such file or directory"


async def test_one_that_was_never_seen_at_work_goes_nowhere(eve: EveLog, homed: Ports) -> None:
    eve.path.unlink()
    looks = Looks(GatewayPoll(), at(eve), homed)
    assert [await looks.once() for _ in range(3)] == [[], [], []]


@pytest.mark.parametrize(
    ("driver", "settings", "wanted"),
    [
        ("eve", {"file": "/var/log/suricata/eve.json"}, (20.0, True)),
        ("eve", {"file": "/var/log/suricata/eve.json", "poll_seconds": 0}, (None, True)),
        ("ulogd", {"file": "/var/log/ulogd.json", "poll_seconds": 5}, (5.0, True)),
        ("ulogd", {"file": "relative"}, (None, False)),
        ("local", {"directory": "/srv"}, (None, False)),
        ("nobody", {}, (None, False)),
    ],
)
def test_only_gateways_with_a_log_are_watched(
    driver: str, settings: dict[str, Json], wanted: tuple[float | None, bool]
) -> None:
    target = controller(driver, settings)
    rhythm = GatewayPoll().rhythm(target)
    assert (None if rhythm is None else rhythm.every, AlertFollow().wanted(target)) == wanted


async def test_what_was_kept_of_a_log_goes_with_its_controller(eve: EveLog, homed: Ports, tmp_path: Path) -> None:
    eve.write(stats(0))
    stays = at(eve)
    goes = msgspec.structs.replace(stays, id="3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a02")
    controllers = FakeControllers(stays, goes)
    assert homed.home is not None
    folder = homed.home / "alerts"
    async with watching(tmp_path, controllers, follows=[AlertFollow()], ports=homed):
        await read_to(stays, homed, eve.path.stat().st_size)
        await read_to(goes, homed, eve.path.stat().st_size)
        controllers.remove(goes.id)
        async with asyncio.timeout(5):
            while any(each.name.startswith(goes.id) for each in folder.iterdir()):
                await asyncio.sleep(0.01)
        assert (folder / f"{stays.id}.sqlite").exists()
