"""EventBus: numbered, streamed without a gap, bounded."""

import asyncio
import time
from pathlib import Path

import pytest

from catalog.errors import Invalid
from runtime.daemon.events import EVENT_TYPES, LAGGED, EventBus
from runtime.daemon.events.event import event_id
from runtime.daemon.events.numbers import BLOCK
from runtime.state import StateStore
from tests.fakes.daemon_clock import DaemonClock
from tests.runtime.daemon.events.reading import read_now


@pytest.fixture
def clock() -> DaemonClock:
    return DaemonClock()


@pytest.fixture
def bus(clock: DaemonClock) -> EventBus:
    return EventBus(clock, buffer=10, retention=60.0)


def test_an_event_is_shown_as_the_reference_prints_it(bus: EventBus) -> None:
    event = bus.publish("service.started", service_id="api-a1b2c3", instance="api-a1b2c3-0")
    assert event.shown() == {
        "id": event.id,
        "type": "service.started",
        "service_id": "api-a1b2c3",
        "data": {"instance": "api-a1b2c3-0"},
        "timestamp": "2027-01-15T08:00:00Z",
    }
    assert event.streamed() == {
        "service_id": "api-a1b2c3",
        "instance": "api-a1b2c3-0",
        "event_id": event.id,
        "timestamp": "2027-01-15T08:00:00Z",
    }
    assert "service_id" not in bus.publish("network.created", name="edge").streamed()


def test_the_nine_types_are_those_of_the_reference_and_no_other_is_published(bus: EventBus) -> None:
    assert len(EVENT_TYPES) == 9
    with pytest.raises(ValueError, match="surprise"):
        bus.publish("service.surprise")


def test_ids_have_the_references_form_and_do_not_repeat() -> None:
    ids = {event_id(seq) for seq in range(1, 50_001)}
    assert len(ids) == 50_000
    assert all(len(each) == 12 and each[6:].isalnum() and each[6:].islower() | each[6:].isdigit() for each in ids)


async def test_a_stream_has_what_happens_after_it_began(bus: EventBus) -> None:
    bus.publish("network.created", name="before")
    stream = bus.subscribe()
    made = [bus.publish("network.created", name=str(number)) for number in range(3)]
    assert await read_now(stream) == made
    stream.close()
    bus.publish("network.created", name="after")
    assert await read_now(stream) == []


async def test_a_reader_who_waits_is_woken(bus: EventBus) -> None:
    stream = bus.subscribe()
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    event = bus.publish("volume.created", name="data")
    assert await waiting == event
    ended = asyncio.create_task(anext(stream, None))
    await asyncio.sleep(0)
    stream.close()
    assert await ended is None


async def test_a_wait_that_is_cancelled_loses_nothing(bus: EventBus) -> None:
    stream = bus.subscribe()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.001)
    made = [bus.publish("volume.created"), bus.publish("volume.created")]
    assert await read_now(stream) == made


async def test_a_stream_begins_after_a_number_or_a_time_and_goes_on_live(bus: EventBus, clock: DaemonClock) -> None:
    made = []
    for _ in range(4):
        clock.pass_by(1)
        made.append(bus.publish("service.created", service_id="a"))
    by_number = bus.subscribe(after_seq=made[1].seq)
    by_time = bus.subscribe(since_ns=made[1].time_ns)
    made.append(bus.publish("service.created", service_id="a"))
    assert await read_now(by_number) == made[2:]
    assert await read_now(by_time) == made[2:]


async def test_streams_are_filtered_by_type_and_by_service(bus: EventBus) -> None:
    types = bus.subscribe(types=["service.failed", "health.changed"])
    mine = bus.subscribe(service="a-1")
    named = bus.subscribe(service="shop")
    failed = bus.publish("service.failed", service_id="a-1", name="shop")
    other = bus.publish("health.changed", service_id="b-1")
    bus.publish("network.created", name="shop")
    assert await read_now(types) == [failed, other]
    assert await read_now(mine) == [failed]
    assert await read_now(named) == [failed], "a network of that name is no service"


async def test_a_type_that_there_is_not_is_refused_with_the_nearest(bus: EventBus) -> None:
    for ask in (bus.subscribe, bus.history):
        with pytest.raises(Invalid) as refused:
            ask(types=["service.start"])
        assert refused.value.code == "INVALID_REQUEST"
        assert refused.value.hint == "Did you mean `service.started`?"


async def test_a_slow_reader_is_told_what_he_lost_and_can_go_on_without_a_gap(bus: EventBus) -> None:
    stream = bus.subscribe()
    first = bus.publish("volume.created")
    assert await read_now(stream, 1) == [first]
    for number in range(11):
        bus.publish("volume.created", number=number)
    (told,) = await read_now(stream)
    assert (told.type, told.seq, told.data["lost"]) == (LAGGED, first.seq, 11)
    assert bus.history()[1] == 10, "a stream's own word is in no history"
    again = bus.subscribe(after_seq=first.seq)
    begun, *rest = await read_now(again)
    assert begun.type == LAGGED, "by now the bus has lost one of them too"
    assert [each.data["number"] for each in rest] == list(range(1, 11))


async def test_a_slow_reader_within_the_buffer_misses_nothing(bus: EventBus) -> None:
    stream = bus.subscribe()
    made = [bus.publish("volume.created", number=number) for number in range(10)]
    assert await read_now(stream) == made


async def test_a_number_that_was_never_given_is_answered_with_what_there_is(bus: EventBus) -> None:
    made = bus.publish("volume.created")
    told, *rest = await read_now(bus.subscribe(after_seq=5_000))
    assert (told.type, rest) == (LAGGED, [made])


async def test_memory_keeps_the_buffers_count_and_nothing_over_its_time(bus: EventBus, clock: DaemonClock) -> None:
    for number in range(15):
        bus.publish("volume.created", number=number)
    assert [each.data["number"] for each in bus.history(limit=100)[0]] == list(range(14, 4, -1))
    clock.pass_by(61)
    assert bus.history() == ([], 0)
    assert bus.subscribe(since_ns=0)


async def test_history_is_newest_first_with_the_total_before_the_limit(bus: EventBus, clock: DaemonClock) -> None:
    made = []
    for number in range(6):
        clock.pass_by(1)
        made.append(bus.publish("health.changed" if number % 2 else "service.scaled", service_id=f"s{number % 3}"))
    newest = made[::-1]
    assert bus.history(limit=2) == (newest[:2], 6)
    assert bus.history(types=["health.changed"]) == ([made[5], made[3], made[1]], 3)
    assert bus.history(service="s1") == ([made[4], made[1]], 2)
    assert bus.history(since_ns=made[1].time_ns, until_ns=made[3].time_ns) == ([made[3], made[2]], 2)
    assert await bus.whole_history(limit=0) == ([], 6)


async def test_other_bounds_hold_at_once(bus: EventBus) -> None:
    for number in range(10):
        bus.publish("volume.created", number=number)
    await bus.reconfigure(buffer=3, retention=60.0, persist=None)
    assert [each.data["number"] for each in bus.history()[0]] == [9, 8, 7]


async def test_numbers_go_on_after_a_clean_stop_and_skip_after_a_kill(tmp_path: Path, clock: DaemonClock) -> None:
    state = StateStore(tmp_path / "state.db")
    await state.open()
    bus = EventBus(clock, state=state)
    await bus.open()
    last = [bus.publish("volume.created") for _ in range(5)][-1]
    assert last.seq == 5
    await bus.close()

    stopped = EventBus(clock, state=state)
    await stopped.open()
    stream = stopped.subscribe(after_seq=last.seq)
    after = stopped.publish("volume.created")
    assert await read_now(stream) == [after], "nothing can have been missed over a clean stop"
    assert after.seq == 6

    killed = EventBus(clock, state=state)
    await killed.open()
    stream = killed.subscribe(after_seq=after.seq)
    fresh = killed.publish("volume.created")
    assert fresh.seq > after.seq
    assert [each.type for each in await read_now(stream)] == [LAGGED, "volume.created"]
    await killed.close()
    await state.close()


async def test_numbers_are_set_aside_in_time(
    tmp_path: Path, clock: DaemonClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.daemon.events.numbers.BLOCK", 100)
    state = StateStore(tmp_path / "state.db")
    await state.open()
    bus = EventBus(clock, state=state)
    await bus.open()
    for _ in range(10):
        for _ in range(40):
            last = bus.publish("volume.created").seq
        await asyncio.sleep(0.02)
        kept = int(state.load("event-numbers")[0])
        assert kept > last, "a kill now would not give a number twice"
    await bus.close()
    await state.close()
    assert BLOCK == 1_000_000


async def test_publishing_is_cheap(clock: DaemonClock) -> None:
    bus = EventBus(clock, buffer=1000)
    streams = [bus.subscribe(types=["service.failed"]) for _ in range(10)]
    begun = time.process_time()
    for _ in range(10_000):
        bus.publish("volume.created", name="x")
    assert (time.process_time() - begun) / 10_000 < 50e-6
    for each in streams:
        each.close()


async def test_a_bus_that_was_never_opened_or_whose_state_is_gone_still_closes(
    tmp_path: Path, clock: DaemonClock
) -> None:
    state = StateStore(tmp_path / "state.db")
    await EventBus(clock, state=state, persist=tmp_path / "events").close()
    await state.open()
    bus = EventBus(clock, state=state)
    await bus.open()
    await state.close()
    await bus.close()


async def test_what_is_over_its_time_is_cleared_away_while_it_runs(
    tmp_path: Path, clock: DaemonClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.daemon.events.bus.CLEAR_MOST", 0.01)
    bus = EventBus(clock, retention=60.0, persist=tmp_path / "events")
    await bus.open()
    bus.publish("volume.created")
    await bus.whole_history()
    running = asyncio.create_task(bus.run())
    clock.pass_by(61)
    async with asyncio.timeout(5):
        while list((tmp_path / "events").iterdir()):
            await asyncio.sleep(0.01)
    (tmp_path / "events").rmdir()
    await asyncio.sleep(0.05)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
    await bus.close()
