"""Journal: events written down are there after a restart; what is torn is skipped; what is old goes."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import Unavailable
from runtime.daemon.events import EventBus
from runtime.daemon.events import journal as journal_module
from tests.fakes.daemon_clock import DaemonClock


async def opened(clock: DaemonClock, folder: Path, buffer: int = 10) -> EventBus:
    bus = EventBus(clock, buffer=buffer, retention=3600.0, persist=folder)
    await bus.open()
    return bus


async def test_history_reaches_over_restarts_and_beyond_the_buffer(tmp_path: Path) -> None:
    clock = DaemonClock()
    made = []
    for _ in range(3):
        bus = await opened(clock, tmp_path / "events")
        for number in range(30):
            clock.pass_by(1)
            made.append(bus.publish("service.scaled", service_id="a", number=number))
        await bus.close()
    bus = await opened(clock, tmp_path / "events")
    assert [each.seq for each in made] == list(range(1, 91)), "numbers go on without a state too"
    assert await bus.whole_history(limit=40) == (made[:-41:-1], 90)
    assert await bus.whole_history(types=["health.changed"]) == ([], 0)
    assert await bus.whole_history(since_ns=made[79].time_ns, until_ns=made[81].time_ns) == ([made[81], made[80]], 2)
    assert bus.history() == (made[:-11:-1], 10), "memory holds what the buffer holds, for streams that are taken up"
    stream = bus.subscribe(after_seq=85)
    assert [(await anext(stream)).seq for _ in range(5)] == [86, 87, 88, 89, 90]
    stream.close()
    await bus.close()


async def test_a_torn_line_costs_that_event_alone(tmp_path: Path) -> None:
    clock = DaemonClock()
    bus = await opened(clock, tmp_path / "events")
    for _ in range(3):
        bus.publish("volume.created", name="data")
    await bus.close()
    (file,) = (tmp_path / "events").iterdir()
    content = file.read_bytes()
    for cut in range(len(content) - 40, len(content)):
        file.write_bytes(content[:cut])
        again = await opened(clock, tmp_path / "events")
        whole = 2 if cut < len(content) - 1 else 3
        assert (await again.whole_history())[1] == whole
        assert again.publish("volume.created").seq == whole + 1
        assert (await again.whole_history())[1] == whole + 1, "and what follows is not glued to it"
        await again.close()
        for each in (tmp_path / "events").iterdir():
            if each != file:
                each.unlink()


async def test_what_is_over_its_time_is_neither_shown_nor_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "FILE_BYTES", 1_000)
    clock = DaemonClock()
    bus = await opened(clock, tmp_path / "events")
    for _ in range(100):
        clock.pass_by(60)
        bus.publish("volume.created", name="data")
        await asyncio.sleep(0.001)
    assert (await bus.whole_history(limit=1000))[1] == 61
    await bus.close()
    before = len(list((tmp_path / "events").iterdir()))
    bus = await opened(clock, tmp_path / "events")
    assert (await bus.whole_history(limit=1000))[1] == 61
    assert len(list((tmp_path / "events").iterdir())) < before
    await bus.close()


async def test_the_files_are_the_owners_alone_and_bounded_in_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FILE_BYTES", 100)
    monkeypatch.setattr(journal_module, "FILES_MOST", 4)
    clock = DaemonClock()
    bus = await opened(clock, tmp_path / "events")
    for _ in range(20):
        bus.publish("volume.created", name="data")
        await bus.whole_history()
    await bus.close()
    await (await opened(clock, tmp_path / "events")).close()
    files = list((tmp_path / "events").iterdir())
    assert len(files) == 4
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    assert (tmp_path / "events").stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_fails_is_counted_and_stops_nobody(tmp_path: Path) -> None:
    clock = DaemonClock()
    bus = await opened(clock, tmp_path / "events")
    (tmp_path / "events").rmdir()
    made = bus.publish("volume.created")
    assert bus.history() == ([made], 1)
    assert (await bus.whole_history()) == ([], 0)
    assert bus.lost == 1
    (tmp_path / "events").mkdir()
    made = bus.publish("volume.created")
    assert (await bus.whole_history()) == ([made], 1)
    await bus.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as refused:
        await opened(clock, tmp_path / "file" / "events")
    assert refused.value.code == "EVENTS_UNAVAILABLE"


async def test_writing_down_begins_and_ends_with_the_configuration(tmp_path: Path) -> None:
    clock = DaemonClock()
    bus = EventBus(clock)
    await bus.open()
    bus.publish("volume.created", name="memory")
    await bus.reconfigure(buffer=1000, retention=3600.0, persist=tmp_path / "events")
    kept = bus.publish("volume.created", name="kept")
    await bus.reconfigure(buffer=1000, retention=3600.0, persist=None)
    bus.publish("volume.created", name="memory")
    await bus.close()
    again = await opened(clock, tmp_path / "events")
    assert [each.data for each in (await again.whole_history())[0]] == [kept.data]
    await again.close()
