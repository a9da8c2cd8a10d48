"""What stays with a controller: begun anew when it ends, let go when its controller changes."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import TargetFailed, Unavailable
from catalog.provider import Target
from runtime.pollers import followers, pollers
from runtime.pollers.watch import Tell, Watched
from tests.fakes.watching import FakeControllers, FakeSink, TellingFollow, happened, reported, target, watching


@pytest.fixture(autouse=True)
def short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first rest is a hundredth of a second."""
    monkeypatch.setattr(followers, "REST_SECONDS", 0.01)


async def for_ever(_watched: Watched, _tell: Tell) -> None:
    await asyncio.Event().wait()


async def test_what_it_tells_is_durable_when_it_goes_on_and_comes_once(tmp_path: Path) -> None:
    sink = FakeSink()

    async def follow(_watched: Watched, tell: Tell) -> None:
        await tell([happened("1")])
        assert len(sink.events) == 1
        await tell([happened("1"), happened("2")])
        await asyncio.Event().wait()

    async with watching(tmp_path, FakeControllers(target("a")), follows=[TellingFollow(follow)], sink=sink):
        events = await sink.wait_for(2)
    assert [each.payload["key"] for each in events] == ["1", "2"]


async def test_one_that_ends_fails_or_has_a_bug_is_begun_anew_after_a_rest_that_grows(tmp_path: Path) -> None:
    begun: dict[str, list[float]] = {"returns": [], "fails": [], "bug": []}

    async def follow(watched: Watched, _tell: Tell) -> None:
        begun[watched.target.id].append(asyncio.get_running_loop().time())
        if watched.target.id == "fails":
            raise TargetFailed("TARGET_UNREACHABLE", "It is away.")
        if watched.target.id == "bug":
            raise ZeroDivisionError

    controllers = FakeControllers(*map(target, begun))
    async with reported() as bugs, watching(tmp_path, controllers, follows=[TellingFollow(follow)], chance=lambda: 0.5):
        async with asyncio.timeout(5):
            while min(map(len, begun.values())) < 4:
                await asyncio.sleep(0.005)
    assert all(isinstance(each, ZeroDivisionError) for each in bugs)
    assert len(bugs) >= 4
    for moments in begun.values():
        assert moments[3] - moments[2] >= 0.04


async def test_an_event_that_cannot_be_kept_is_the_followers_to_tell_again(tmp_path: Path) -> None:
    sink, tried = FakeSink(), 0

    async def follow(_watched: Watched, tell: Tell) -> None:
        nonlocal tried
        tried += 1
        if tried == 2:
            sink.refuse = lambda _event: None
        await tell([happened("1")])
        await asyncio.Event().wait()

    sink.refuse = lambda _event: Unavailable("STORE_FULL", "Full.")
    async with watching(tmp_path, FakeControllers(target("a")), follows=[TellingFollow(follow)], sink=sink):
        await sink.wait_for(1)
    assert tried == 2


async def test_a_changed_controller_is_let_go_before_it_is_followed_anew(tmp_path: Path) -> None:
    story: list[str] = []

    async def follow(watched: Watched, _tell: Tell) -> None:
        number = watched.target.settings["n"]
        story.append(f"begin {number}")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            story.append(f"end {number}")

    controllers = FakeControllers(target("a", settings={"n": 1}), target("b", settings={"n": "b"}))
    async with watching(tmp_path, controllers, follows=[TellingFollow(follow)]):
        while len(story) < 2:
            await asyncio.sleep(0.005)
        controllers.put(target("a", settings={"n": 2}))
        async with asyncio.timeout(5):
            while "begin 2" not in story:
                await asyncio.sleep(0.005)
        controllers.remove("b")
        async with asyncio.timeout(5):
            while "end b" not in story:
                await asyncio.sleep(0.005)
    assert [each for each in story if each[-1] != "b"] == ["begin 1", "end 1", "begin 2", "end 2"]


async def test_only_what_is_wanted_is_followed_and_a_bug_in_wanting_stops_nobody(tmp_path: Path) -> None:
    followed: list[str] = []

    async def follow(watched: Watched, _tell: Tell) -> None:
        followed.append(watched.target.id)
        await asyncio.Event().wait()

    def wants(each: Target) -> bool:
        return each.id == "yes" or bool(each.id == "bug" and 1 / 0)

    watch = TellingFollow(follow)
    watch.wants = wants
    controllers = FakeControllers(target("bug"), target("no"), target("yes"))
    async with reported() as bugs, watching(tmp_path, controllers, follows=[watch]):
        async with asyncio.timeout(5):
            while not followed:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
    assert followed == ["yes"]
    assert [type(each) for each in bugs] == [ZeroDivisionError]


async def test_the_end_waits_for_none_that_does_not_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pollers, "CLOSE_SECONDS", 0.05)
    over, begun = asyncio.Event(), asyncio.Event()

    async def stubborn(_watched: Watched, _tell: Tell) -> None:
        begun.set()
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    loop = asyncio.get_running_loop()
    async with watching(tmp_path, FakeControllers(target("a")), follows=[TellingFollow(stubborn)]):
        await begun.wait()
        began = loop.time()
    assert loop.time() - began < 2
    over.set()
    await asyncio.sleep(0.01)


async def test_the_end_lets_go_of_all(tmp_path: Path) -> None:
    async with watching(tmp_path, FakeControllers(*map(target, "abc")), follows=[TellingFollow(for_ever)]):
        await asyncio.sleep(0.05)
        assert sum(each.get_name().startswith("follow ") for each in asyncio.all_tasks()) == 3
    assert not [each for each in asyncio.all_tasks() if each.get_name().startswith("follow ")]
