"""The ingest rate over several processes that share one Redis, and in one process when that Redis goes."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from catalog.errors import TooMany
from engine.audit import audit_row, system_actor
from engine.clock import SystemClock
from engine.redis_guards import RedisGuards
from engine.tenancy import Organisation
from tests.engine.house import House, house
from tests.fakes.redis_server import RedisServer, redis_server

SHARED = Organisation(id="5b6d1c1e-5d0f-4a1b-9a31-8c1f4f1f0a11", name="shared", created_at=0.0)
LIMIT, SECONDS = 60, 2
Stamp = tuple[float, float]
"""When an accepted event was sent and when it was answered: it was counted somewhere between."""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a quarter of a second passes, and Redis is not gone for that."""
    monkeypatch.setattr(RedisGuards, "CALL_SECONDS", 5.0)


@asynccontextmanager
async def sharing(folder: Path, redis: RedisServer, seconds: int = 60) -> AsyncIterator[House]:
    """A house under LIMIT in that many seconds that knows the organisation SHARED."""
    async with house(folder, redis_url=redis.url, ingest_limit=f"{LIMIT}/{seconds}s") as home:
        row = audit_row(system_actor(SHARED.id), "organisation.created", SHARED.id, home.app.clock)
        await home.app.store.put_tenant(SHARED, row)
        yield home


async def push(home: House) -> Stamp | None:
    """Send one event; None where the rate refuses it."""
    body = {"name": "order", "payload": {}}
    sent = time.monotonic()
    try:
        await home.app.ingest.accept(SHARED.id, body, b"")
    except TooMany as error:
        assert error.code == "INGEST_RATE"
        assert 1.0 <= error.retry_after <= 60.0
        return None
    return sent, time.monotonic()


async def flood(home: House, seconds: float, stamps: list[Stamp], tried: list[int]) -> None:
    """Send events in bursts of 20, about ten times as many as are allowed, for so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        burst = await asyncio.gather(*(push(home) for _ in range(20)))
        stamps += [stamp for stamp in burst if stamp is not None]
        tried[0] += len(burst)
        await asyncio.sleep(0.05)


def most_in_a_window(stamps: list[Stamp]) -> int:
    """The most events that were surely counted within one window: sent after it began, answered before it ended."""
    return max(sum(begin <= sent and answered < begin + SECONDS for sent, answered in stamps) for begin, _ in stamps)


@pytest.mark.promise("E9", count=2)
async def test_two_engines_on_one_redis_together_never_accept_more_than_the_limit(
    tmp_path: Path, redis: RedisServer
) -> None:
    stamps: list[Stamp] = []
    tried = [0]
    async with sharing(tmp_path / "a", redis, SECONDS) as first, sharing(tmp_path / "b", redis, SECONDS) as second:
        await asyncio.gather(*(flood(each, 7.0, stamps, tried) for each in (first, second)))
        assert first.app.measures.guard_errors == second.app.measures.guard_errors == 0
    assert LIMIT / 2 <= most_in_a_window(stamps) <= LIMIT
    assert len(stamps) >= 3 * LIMIT
    assert tried[0] >= 5 * len(stamps)


@pytest.mark.promise("E9")
async def test_a_redis_that_goes_and_comes_back_empty_never_opens_the_limit_of_one_process(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RedisGuards, "REST_SECONDS", 0.1)
    stamps: list[Stamp] = []
    async with sharing(tmp_path / "a", redis, SECONDS) as home:
        work = asyncio.create_task(flood(home, 8.0, stamps, [0]))
        for seconds, deed in itertools.cycle(((0.7, redis.stop), (0.6, redis.start))):
            await asyncio.sleep(seconds)
            if work.done():
                break
            deed()
        await work
        assert home.app.measures.guard_errors > 2
    assert LIMIT / 2 <= most_in_a_window(stamps) <= LIMIT
    assert len(stamps) >= 3 * LIMIT


async def _none_left(home: House, accepted: int) -> None:
    stamps = [await push(home) for _ in range(accepted + 5)]
    assert [stamp is not None for stamp in stamps] == [True] * accepted + [False] * 5


@pytest.mark.promise("E9", count=2)
@pytest.mark.parametrize("deed", [RedisServer.stop, lambda server: server.ask("FLUSHALL")], ids=["stopped", "flushed"])
async def test_what_redis_had_admitted_counts_when_it_is_gone(
    tmp_path: Path, redis: RedisServer, deed: Callable[[RedisServer], object]
) -> None:
    async with sharing(tmp_path / "a", redis) as home:
        for _ in range(LIMIT - 10):
            assert await push(home) is not None
        deed(redis)
        await _none_left(home, 10)


@pytest.mark.promise("E9")
async def test_what_redis_refused_does_not_count_afterwards(tmp_path: Path, redis: RedisServer) -> None:
    async with sharing(tmp_path / "a", redis) as first, sharing(tmp_path / "b", redis) as second:
        await _none_left(first, LIMIT)
        await _none_left(second, 0)
        redis.ask("FLUSHALL")
        await _none_left(second, LIMIT)


class Skewed(SystemClock):
    """A machine whose wall clock is an hour ahead."""

    now = staticmethod(lambda: time.time() + 3600.0)


@pytest.mark.promise("E8", "E9")
async def test_engines_whose_clocks_differ_by_an_hour_share_one_window(
    tmp_path: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sharing(tmp_path / "a", redis) as first:
        monkeypatch.setattr("api.wiring.SystemClock", Skewed)
        async with sharing(tmp_path / "b", redis) as second:
            assert second.app.clock.now() > time.time() + 3000
            await _none_left(first, LIMIT)
            await _none_left(second, 0)


@pytest.mark.promise("E8", "E9")
async def test_a_redis_whose_clock_was_set_back_holds_the_limit_and_frees_after_one_window(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with sharing(tmp_path / "a", redis, SECONDS) as home:
        for number in range(LIMIT):
            future = str(int((time.time() + 3600) * 1000) + number)
            redis.ask("ZADD", f"fabric:ingest:{SHARED.id}", future, f"earlier-{number}")
        await _none_left(home, 0)
        await asyncio.sleep(SECONDS + 0.1)
        await _none_left(home, LIMIT)
