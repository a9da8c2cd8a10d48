"""A controller that floods makes as many events as it may and is in nobody's way."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from catalog.errors import FabricError, Unavailable
from catalog.events import Event
from runtime.pollers import allowance
from runtime.pollers.allowance import Allowance
from runtime.pollers.telling import Teller
from runtime.pollers.watch import Tell, Watched
from tests.fakes.watching import FakeControllers, FakeSink, TellingFollow, happened, target, watching


class Seconds:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_allowance_is_used_up_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "BURST", 10)
    clock = Seconds()
    book = Allowance(clock)
    book.use("a", 4)
    assert (book.left("a"), book.left("b")) == (6, 10)
    book.use("a", 6)
    assert book.left("a") == 0
    clock.now += 0.25
    assert book.left("a") == 5
    clock.now += 3600
    assert book.left("a") == 10
    assert not book._used, "one that is quiet again takes no room"


def test_dropped_events_are_said_once_a_minute_with_their_number() -> None:
    clock = Seconds()
    book = Allowance(clock)
    with capture_logs() as logs:
        for _ in range(100):
            book.refuse("a", 3)
        clock.now += allowance.SAID_EVERY
        book.refuse("a", 1)
    assert [(each["event"], each["dropped"]) for each in logs] == [("watch_flooded", 3), ("watch_flooded", 298)]


async def test_a_follower_that_floods_makes_no_more_events_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "BURST", 50)
    monkeypatch.setattr(allowance, "PER_SECOND", 1e-9)
    flooded = asyncio.Event()

    async def follow(watched: Watched, tell: Tell) -> None:
        for number in range(1000 if watched.target.id == "loud" else 3):
            await tell([happened(f"{watched.target.id} {number}")])
        if watched.target.id == "loud":
            flooded.set()
        await asyncio.Event().wait()

    with capture_logs() as logs:
        controllers = FakeControllers(target("loud"), target("calm"))
        async with watching(tmp_path, controllers, follows=[TellingFollow(follow)]) as at:
            await asyncio.wait_for(flooded.wait(), 5)
            await at.sink.wait_for(53)
            events = list(at.sink.events)
    assert len(events) == 53
    assert [each["controller"] for each in logs if each["event"] == "watch_flooded"] == ["loud"]


async def test_what_could_not_be_taken_and_is_told_again_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "BURST", 3)
    monkeypatch.setattr(allowance, "PER_SECOND", 1e-9)
    sink = FakeSink()
    teller = Teller(sink)
    full: FabricError | None = Unavailable("STORE_FULL", "The store is full.")

    def refuse(_event: Event) -> FabricError | None:
        return full

    sink.refuse = refuse
    told = [happened("1"), happened("2"), happened("3")]
    for _ in range(5):
        with pytest.raises(Unavailable):
            await teller.tell(target("a"), "watch", "1", told, 0.0)
    full = None
    await teller.tell(target("a"), "watch", "1", told, 0.0)
    assert len(sink.events) == 3
