"""Every watch at every controller in its own rhythm, none in the way of another."""

import asyncio
import itertools
from pathlib import Path

import msgspec
import pytest

from catalog.errors import TargetFailed, Unavailable
from catalog.provider import Target
from runtime.pollers import places, pollers
from runtime.pollers.watch import Rhythm, Seen, Watched
from tests.fakes.drivers import fake_driver, known
from tests.fakes.watching import FakeControllers, TellingPoll, happened, reported, target, watching


async def quiet(_watched: Watched) -> Seen:
    return Seen()


async def never(_watched: Watched) -> Seen:
    await asyncio.Event().wait()
    raise AssertionError


async def test_each_controller_is_looked_at_again_and_again_in_its_rhythm(tmp_path: Path) -> None:
    poll = TellingPoll(quiet)
    poll.rhythm_of = lambda each: Rhythm(every=each.settings["every"])
    controllers = FakeControllers(target("fast", settings={"every": 0.02}), target("slow", settings={"every": 0.3}))
    async with watching(tmp_path, controllers, poll):
        await poll.wait_for("fast", 8)
    slow = sum(each == "slow" for each, _ in poll.looks)
    assert 1 <= slow <= 2


async def test_a_controller_that_no_watch_wants_is_left_alone(tmp_path: Path) -> None:
    poll = TellingPoll(quiet)
    poll.rhythm_of = lambda each: None if each.id == "b" else Rhythm(every=0.01)
    async with watching(tmp_path, FakeControllers(target("a"), target("b")), poll):
        await poll.wait_for("a", 3)
    assert {each for each, _ in poll.looks} == {"a"}


async def test_a_hung_look_ends_at_its_deadline_and_is_a_failure(tmp_path: Path) -> None:
    poll = TellingPoll(never, deadline=0.02)
    async with watching(tmp_path, FakeControllers(target("a")), poll):
        await poll.wait_for("a", 3)
    assert [each[1:] for each in poll.failures[:2]] == [(1, "TARGET_TIMEOUT"), (2, "TARGET_TIMEOUT")]


async def test_a_watch_that_hangs_over_its_failure_ends_as_well(tmp_path: Path) -> None:
    poll = TellingPoll(never, deadline=0.02)
    poll.failed = lambda watched, _error: never(watched)  # type: ignore[assignment,method-assign]
    async with watching(tmp_path, FakeControllers(target("a")), poll):
        await poll.wait_for("a", 3)


async def test_a_controller_that_fails_is_looked_at_less_and_less_often_and_as_usual_once_it_is_back(
    tmp_path: Path,
) -> None:
    well = False

    async def look(_watched: Watched) -> Seen:
        if not well:
            raise TargetFailed("TARGET_UNREACHABLE", "It is away.")
        return Seen()

    poll = TellingPoll(look, every=0.01)
    async with watching(tmp_path, FakeControllers(target("a")), poll, chance=lambda: 0.5):
        await poll.wait_for("a", 5)
        well = True
        await poll.wait_for("a", 10)
    moments = [moment for _, moment in poll.looks]
    rests = [after - before for before, after in itertools.pairwise(moments)]
    assert rests[1] >= 0.02
    assert rests[2] >= 0.04
    assert rests[3] >= 0.08
    assert min(rests[5:9]) < 0.04


@pytest.mark.parametrize("where", ["look", "rhythm", "failed"])
async def test_a_bug_in_a_watch_is_reported_and_the_others_go_on(tmp_path: Path, where: str) -> None:
    async def look(watched: Watched) -> Seen:
        if watched.target.id == "bad" and where == "look":
            raise ZeroDivisionError
        if watched.target.id == "bad":
            raise TargetFailed("TARGET_REFUSED", "No.")
        return Seen()

    def rhythm(each: Target) -> Rhythm:
        return Rhythm(every=1 / 0 if each.id == "bad" and where == "rhythm" else 0.01)

    async def failed(_watched: Watched, _error: object) -> Seen:
        raise ZeroDivisionError

    poll = TellingPoll(look)
    poll.rhythm_of = rhythm
    if where == "failed":
        poll.failed = failed  # type: ignore[assignment,method-assign]
    async with reported() as bugs, watching(tmp_path, FakeControllers(target("bad"), target("good")), poll):
        await poll.wait_for("good", 5)
        if where != "rhythm":
            await poll.wait_for("bad", 2)
    assert bugs
    assert all(isinstance(each, ZeroDivisionError) for each in bugs)


async def test_a_driver_whose_code_does_not_load_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    poll = TellingPoll(quiet)
    controllers = FakeControllers(target("bad", driver="broken"), target("good"))
    with known(fake_driver(), fake_driver("broken", code="runtime.drivers.nowhere:Peer")):
        async with reported() as bugs, watching(tmp_path, controllers, poll):
            await poll.wait_for("good", 3)
            controllers.tell()
            await poll.wait_for("good", 6)
    assert [type(each) for each in bugs] == [ModuleNotFoundError]


async def test_looks_that_hang_do_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SLOW_SECONDS", 0.1)
    hanging = [target(f"hangs-{number}") for number in range(64)]

    async def look(watched: Watched) -> Seen:
        return await never(watched) if watched.target.id != "well" else Seen()

    poll = TellingPoll(look, deadline=1.0)
    controllers = FakeControllers(*hanging)
    async with watching(tmp_path, controllers, poll):
        async with asyncio.timeout(5):
            while len(poll.looks) < 64:
                await asyncio.sleep(0.005)
        controllers.put(target("well"))
        await poll.wait_for("well", 3)
        assert len(poll.failures) == 0, "none of the hung had to end first"
        async with asyncio.timeout(5):
            while len(poll.failures) < 64:
                await asyncio.sleep(0.01)


async def test_there_is_an_end_to_looks_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SLOW_SECONDS", 0.01)
    monkeypatch.setattr(places, "MOST", 80)
    poll = TellingPoll(never)
    async with watching(tmp_path, FakeControllers(*(target(str(number)) for number in range(100))), poll):
        await asyncio.sleep(0.2)
    assert len(poll.looks) == 80


async def test_a_new_controller_is_looked_at_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    poll = TellingPoll(quiet)
    controllers = FakeControllers(target("a"))
    async with watching(tmp_path, controllers, poll):
        await poll.wait_for("a", 1)
        controllers.put(target("b"))
        await poll.wait_for("b", 1)
        controllers.remove("a")
        await asyncio.sleep(pollers.REFRESH_GAP + 0.1)
        before = len([each for each in poll.looks if each[0] == "a"])
        await poll.wait_for("b", sum(each == "b" for each, _ in poll.looks) + 3)
        assert len([each for each in poll.looks if each[0] == "a"]) == before


async def test_a_burst_of_changes_is_read_a_few_times_only(tmp_path: Path) -> None:
    poll = TellingPoll(quiet, every=60)
    controllers = FakeControllers()
    async with watching(tmp_path, controllers, poll):
        for number in range(100):
            controllers.put(target(f"c{number}"))
            await asyncio.sleep(0.001)
        await poll.wait_for("c99", 1)
    assert controllers.reads <= 4


async def test_a_controller_changed_while_it_is_looked_at_is_looked_at_anew_and_once_at_a_time(tmp_path: Path) -> None:
    busy, at_once, seen = 0, 0, []

    async def look(watched: Watched) -> Seen:
        nonlocal busy, at_once
        busy += 1
        at_once = max(at_once, busy)
        seen.append(watched.target.settings["n"])
        try:
            await asyncio.sleep(30 if watched.target.settings["n"] == 1 else 0)
        finally:
            await asyncio.sleep(0.05)
            busy -= 1
        return Seen(happenings=(happened(str(watched.target.settings["n"])),))

    poll = TellingPoll(look, deadline=30)
    controllers = FakeControllers(target("a", settings={"n": 1}))
    async with watching(tmp_path, controllers, poll) as watch:
        await poll.wait_for("a", 1)
        controllers.put(target("a", settings={"n": 2}))
        (event,) = (await watch.sink.wait_for(1))[:1]
    assert event.payload == {"key": "2"}
    assert (seen[:2], at_once) == ([1, 2], 1)


async def test_a_controller_removed_while_it_is_looked_at_tells_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def look(_watched: Watched) -> Seen:
        begun.set()
        await asyncio.sleep(0.5)
        return Seen(happenings=(happened(),), memory=1)

    poll = TellingPoll(look)
    controllers = FakeControllers(target("a"))
    async with watching(tmp_path, controllers, poll) as watch:
        await begun.wait()
        controllers.remove("a")
        await asyncio.sleep(0.9)
        assert watch.sink.published == []
        assert watch.memories.find("a", "telling").kept is None


async def test_while_the_controllers_cannot_be_read_those_that_are_known_are_watched(tmp_path: Path) -> None:
    poll = TellingPoll(quiet)
    controllers = FakeControllers(target("a"))
    async with watching(tmp_path, controllers, poll):
        await poll.wait_for("a", 1)
        controllers.error = Unavailable("STORE_BUSY", "Busy.")
        controllers.tell()
        await asyncio.sleep(pollers.REFRESH_GAP + 0.1)
        assert controllers.reads >= 2
        await poll.wait_for("a", len(poll.looks) + 3)


async def test_a_look_that_does_not_let_itself_be_ended_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pollers, "CLOSE_SECONDS", 0.05)
    over = asyncio.Event()

    async def stubborn(_watched: Watched) -> Seen:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue
        return Seen()

    poll = TellingPoll(stubborn)
    loop = asyncio.get_running_loop()
    async with watching(tmp_path, FakeControllers(target("a")), poll):
        await poll.wait_for("a", 1)
        began = loop.time()
    assert loop.time() - began < 2
    over.set()
    await asyncio.sleep(0)


async def test_a_thousand_controllers_are_cheap(tmp_path: Path) -> None:
    poll = TellingPoll(quiet, every=60)
    controllers = FakeControllers(*(target(f"c{number}") for number in range(1000)))
    began = asyncio.get_running_loop().time()
    async with watching(tmp_path, controllers, poll):
        async with asyncio.timeout(20):
            while len(poll.looks) < 1000:
                await asyncio.sleep(0.01)
        assert len({each for each, _ in poll.looks}) == 1000
        taken = asyncio.get_running_loop().time() - began
        controllers.tell()
        await asyncio.sleep(pollers.REFRESH_GAP + 0.1)
        assert controllers.reads == 2
    assert len(poll.looks) == 1000, "a refresh that changes nothing begins no look"
    assert taken < 10


async def test_an_edit_that_does_not_touch_what_is_watched_begins_no_look(tmp_path: Path) -> None:
    poll = TellingPoll(quiet, every=60)
    controllers = FakeControllers(target("a"))
    async with watching(tmp_path, controllers, poll):
        await poll.wait_for("a", 1)
        controllers.put(msgspec.structs.replace(target("a")))
        await asyncio.sleep(pollers.REFRESH_GAP + 0.1)
    assert len(poll.looks) == 1


async def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    async with watching(tmp_path, FakeControllers()) as watch:
        pass
    await watch.pollers.close()
