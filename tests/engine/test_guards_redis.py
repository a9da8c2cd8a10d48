"""The Redis guards before the store: the keys the seed names, and nothing lost or doubled whatever Redis does."""

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from catalog.errors import TooMany
from catalog.events import Event
from catalog.jsonvalue import Json
from engine.ingest import EVENT_TYPE
from engine.redis_guards import RedisGuards
from engine.runs import RunState
from tests.engine.house import House, house
from tests.fakes.lossy_proxy import FAULTS, lossy_proxy
from tests.fakes.redis_server import RedisServer, redis_server

WAVE = 25


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a quarter of a second passes, and Redis is not gone for that."""
    monkeypatch.setattr(RedisGuards, "CALL_SECONDS", 5.0)


def seconds_left(redis: RedisServer, key: str) -> int:
    """The key's time to live."""
    return int(redis.ask("TTL", key)[1:])


@asynccontextmanager
async def guarded(data: Path, port: int, **settings: Json) -> AsyncIterator[House]:
    """A house whose guards ask the Redis at that port."""
    url = f"redis://127.0.0.1:{port}/0"
    async with house(data / "house", redis_url=url, **{"ingest_limit": "9000000/60s", **settings}) as home:
        yield home


async def connected(home: House) -> dict[str, str]:
    """Connections by name: two always fire, one rests for an hour, one takes every other event."""
    step = [{"operation_id": "probe.echo", "params": {"value": "{{trigger.payload.n}}"}}]
    even = [{"field": "trigger.payload.even", "operator": "eq", "value": True}]
    made: dict[str, Json] = {"one": {}, "two": {}, "rests": {"cooldown_seconds": 3600}, "even": {"conditions": even}}
    return {
        name: await home.connect({"name": name, "source_event": EVENT_TYPE, "steps": step, **fields})
        for name, fields in made.items()
    }


async def accepted_in_the_end(home: House, body: Json) -> Event:
    """The event; a Redis that lies may refuse it at first, and the sender sends it again."""
    while True:
        with contextlib.suppress(TooMany):
            return (await home.app.ingest.accept(home.admin.organisation_id, body, b"")).event


async def pushed(home: House, count: int, at_wave: Callable[[int], Awaitable[None]] | None = None) -> list[str]:
    """Ids of so many events accepted in waves, some of which are dispatched over and over."""
    numbers = itertools.count()

    async def push() -> str:
        number = next(numbers)
        body = {"name": "order", "payload": {"n": number, "even": number % 2 == 0}}
        event = await accepted_in_the_end(home, body)
        if number % 5 == 0:
            await asyncio.gather(*(home.app.engine._dispatcher.dispatch(event) for _ in range(2)))
        return event.id

    accepted: list[str] = []
    for wave in range(count // WAVE):
        if at_wave is not None:
            await at_wave(wave)
        accepted += await asyncio.gather(*(push() for _ in range(WAVE)))
    return accepted


async def outcomes(home: House) -> Counter[tuple[str, str, RunState]]:
    """How often each (event, Connection's name, state) stands among the runs, once all are over."""
    busy = ("runs.queued", "runs.running", "events.undispatched")
    async with asyncio.timeout(30.0):
        while counts := await home.app.store.counts():
            if not any(counts.get(each) for each in busy):
                break
            await asyncio.sleep(0.02)
    found: Counter[tuple[str, str, RunState]] = Counter()
    cursor = None
    while True:
        page = await home.app.store.list_runs(home.admin.organisation_id, 200, cursor)
        found.update((run.event.id, run.connection_name, run.state) for run in page.items)
        cursor = page.next
        if cursor is None:
            return found


async def check_each_fired_once(home: House, accepted: list[str]) -> None:
    """Every accepted event is accounted for once by every Connection: as a run, a skipped row, or a counted miss."""
    found = await outcomes(home)
    assert set(found.values()) == {1}
    states = Counter((name, state) for _, name, state in found)
    half = (len(accepted) + 1) // 2
    assert states == {
        ("one", RunState.SUCCEEDED): len(accepted),
        ("two", RunState.SUCCEEDED): len(accepted),
        ("even", RunState.SUCCEEDED): half,
        ("rests", RunState.SUCCEEDED): 1,
        ("rests", RunState.SKIPPED): len(accepted) - 1,
    }
    assert {event for event, _, _ in found} == set(accepted)


@pytest.mark.usefixtures("patient")
async def test_the_keys_are_the_seeds_with_their_times_to_live(tmp_path: Path, redis: RedisServer) -> None:
    async with guarded(tmp_path, redis.port) as home:
        connections = await connected(home)
        (event, *_) = await pushed(home, WAVE)
        await outcomes(home)
        for name in ("one", "two", "rests", "even"):
            assert 290 < seconds_left(redis, f"fabric:fired:{connections[name]}:{event}") <= 300
        assert 3590 < seconds_left(redis, f"fabric:cooldown:{connections['rests']}") <= 3600
        assert redis.ask("EXISTS", f"fabric:cooldown:{connections['one']}") == b":0\r\n"
        redis.ask("EXPIRE", f"fabric:cooldown:{connections['rests']}", "1000")
        await pushed(home, WAVE)
        await outcomes(home)
        assert 990 < seconds_left(redis, f"fabric:cooldown:{connections['rests']}") <= 1000
        assert home.app.measures.guard_hits["seen"] > 0
        assert home.app.measures.guard_errors == 0


@pytest.mark.promise("E4", "E5", count=2000)
@pytest.mark.usefixtures("patient")
async def test_flushing_redis_again_and_again_loses_nothing_and_doubles_nothing(
    tmp_path: Path, redis: RedisServer
) -> None:
    async def flush(wave: int) -> None:
        if wave % 4 == 0:
            assert redis.ask("FLUSHALL") == b"+OK\r\n"

    async with guarded(tmp_path, redis.port) as home:
        await connected(home)
        accepted = await pushed(home, 2000, flush)
        await check_each_fired_once(home, accepted)
        assert home.app.measures.guard_errors == 0


@pytest.mark.promise("E4", "E5", count=2000)
async def test_a_redis_that_stops_and_comes_back_empty_loses_nothing_and_doubles_nothing(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop_and_start(wave: int) -> None:
        if wave % 20 == 10:
            redis.stop()
        elif wave % 20 == 0:
            redis.stop()
            redis.start()

    monkeypatch.setattr(RedisGuards, "REST_SECONDS", 0.02)
    async with guarded(tmp_path, redis.port) as home:
        await connected(home)
        accepted = await pushed(home, 2000, stop_and_start)
        await check_each_fired_once(home, accepted)
        assert home.app.measures.guard_errors > 0
        assert home.app.measures.guard_hits["fresh"] > 0


@pytest.mark.promise("E4", "E5", count=2500)
async def test_answers_lost_late_repeated_garbled_or_untrue_lose_nothing_and_double_nothing(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RedisGuards, "REST_SECONDS", 0.0)
    async with lossy_proxy(redis.port) as proxy, guarded(tmp_path, proxy.port) as home:
        await connected(home)
        proxy.share = 0.03
        accepted = await pushed(home, 2500)
        await check_each_fired_once(home, accepted)
        proxy.share = 0.0
        assert all(proxy.done[fault] >= 5 for fault in FAULTS), proxy.done
        assert home.app.measures.guard_errors > 20
