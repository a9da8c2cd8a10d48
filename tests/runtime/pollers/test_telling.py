"""What a look saw is told once, whatever happens in between, and carries no credentials."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import apsw
import pytest

from catalog.artifacts import ArtifactRef
from catalog.errors import Conflict, FabricError, Unavailable
from catalog.jsonvalue import Json
from runtime.pollers.watch import Happening, Seen, Watched
from runtime.state import StateStore
from runtime.state.store import Document, Key
from tests.fakes.watching import FakeControllers, FakeSink, TellingPoll, happened, target, watching


def counting(happenings: Callable[[int], tuple[Happening, ...]] = lambda n: (happened(str(n)),)) -> TellingPoll:
    """Each look remembers its number, from 1, and tells what is given for it."""

    async def look(watched: Watched) -> Seen:
        number = (watched.memory or 0) + 1
        return Seen(happenings=happenings(number), memory=number)

    return TellingPoll(look)


async def test_what_happened_becomes_an_event_of_the_controllers_organisation(tmp_path: Path) -> None:
    picture = ArtifactRef(token="t", sha256="s", size=1, media_type="image/jpeg")
    told = Happening(type="cameras.event.motion", payload={"a": 1}, key="k", artifact=picture)
    async with watching(
        tmp_path, FakeControllers(target("a", organisation_id="org-7")), counting(lambda _n: (told,))
    ) as at:
        event = (await at.sink.wait_for(1))[0]
    assert (event.organisation_id, event.type, event.payload) == ("org-7", "cameras.event.motion", {"a": 1})
    assert (event.artifact, event.time) == (picture, 1_800_000_000.0)


async def test_events_carry_no_credentials(tmp_path: Path) -> None:
    leaky = Happening(
        type="device.updated",
        payload={"url": "rtsp://admin:correct-horse@porch/1", "list": ["p=correct%2Dhorse", "correct-horse"]},
        key="k",
    )
    camera = target("a", credentials={"username": "admin", "password": "correct-horse"})
    async with watching(tmp_path, FakeControllers(camera), counting(lambda _n: (leaky,))) as at:
        event = (await at.sink.wait_for(1))[0]
    assert event.payload["url"] == "rtsp://admin:…@porch/1"
    assert event.payload["list"][1] == "…"


async def test_equal_keys_of_different_looks_are_different_events_and_of_different_controllers_as_well(
    tmp_path: Path,
) -> None:
    poll = counting(lambda _n: (happened("same"), happened("other")))
    async with watching(tmp_path, FakeControllers(target("a"), target("b")), poll) as at:
        await at.sink.wait_for(12)
    assert len(at.sink.events) == len(at.sink.published)


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    sink, controllers = FakeSink(), FakeControllers(target("a"))
    for count in (2, 4):
        async with watching(tmp_path, controllers, counting(), sink=sink):
            await sink.wait_for(count)
    numbers = [int(each.payload["key"]) for each in sink.events.values()]
    assert numbers == list(range(1, len(numbers) + 1))


class CrashingState(StateStore):
    """Ends the process, as it were, before or after the n-th write."""

    def __init__(self, path: Path, number: int, *, before: bool) -> None:
        super().__init__(path)
        self.left = number
        self._before = before

    async def put_many(self, documents: Iterable[Document], *, gone: Iterable[Key] = ()) -> None:
        documents = list(documents)
        self.left -= len(documents)
        if self.left <= 0 and self._before:
            raise asyncio.CancelledError
        await super().put_many(documents, gone=gone)
        if self.left <= 0:
            raise asyncio.CancelledError


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 7))
async def test_a_crash_at_any_write_neither_loses_an_event_nor_makes_another(
    tmp_path: Path, number: int, before: bool
) -> None:
    sink, controllers = FakeSink(), FakeControllers(target("a"))
    state = CrashingState(tmp_path / "watches.sqlite", number, before=before)
    poll = counting()
    async with watching(tmp_path, controllers, poll, sink=sink, state=state):
        async with asyncio.timeout(5):
            while state.left > 0:
                await asyncio.sleep(0.002)
    told = len(sink.events)
    async with watching(tmp_path, controllers, counting(), sink=sink):
        await sink.wait_for(told + 2)
    numbers = [int(each.payload["key"]) for each in sink.events.values()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_what_a_crash_left_untold_is_told_even_where_it_is_over(tmp_path: Path) -> None:
    sink, controllers = FakeSink(), FakeControllers(target("a"))
    sink.refuse = lambda _event: Unavailable("STORE_FULL", "Full.")
    poll = counting()
    async with watching(tmp_path, controllers, poll, sink=sink):
        await poll.wait_for("a", 1)
        await asyncio.sleep(0.1)
    sink.refuse = lambda _event: None

    async def nothing(watched: Watched) -> Seen:
        return Seen(memory=watched.memory)

    async with watching(tmp_path, controllers, TellingPoll(nothing), sink=sink):
        (event,) = await sink.wait_for(1)
    assert event.payload == {"key": "1"}


async def test_while_events_cannot_be_kept_the_controller_does_not_count_as_failing(tmp_path: Path) -> None:
    poll = counting(lambda n: (happened(f"{n}-a"), happened(f"{n}-b")))
    sink, refusing = FakeSink(), True

    def refuse(event: object) -> FabricError | None:
        return (
            Unavailable("STORE_FULL", "Full.")
            if refusing and str(getattr(event, "payload", "")).endswith("-b'}")
            else None
        )

    sink.refuse = refuse
    async with watching(tmp_path, FakeControllers(target("a")), poll, sink=sink):
        async with asyncio.timeout(5):
            while len(sink.published) < 3:
                await asyncio.sleep(0.005)
        assert {each.payload["key"] for each in sink.published} == {"1-a"}
        assert len(poll.looks) == 1, "what is untold comes before the next look"
        refusing = False
        await sink.wait_for(4)
    assert poll.failures == []
    assert [each.payload["key"] for each in sink.events.values()][:4] == ["1-a", "1-b", "2-a", "2-b"]


async def test_an_event_that_will_never_be_taken_does_not_stop_the_rest(tmp_path: Path) -> None:
    sink = FakeSink()
    sink.refuse = lambda event: Conflict("EVENT_EXISTS", "There is one.") if event.payload == {"key": "2"} else None
    async with watching(tmp_path, FakeControllers(target("a")), counting(), sink=sink):
        events = await sink.wait_for(3)
    assert [each.payload["key"] for each in events[:3]] == ["1", "3", "4"]


class FullState(StateStore):
    """A disk that is full for as long as the test says."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = False

    async def put_many(self, documents: Iterable[Document], *, gone: Iterable[Key] = ()) -> None:
        if self.full:
            raise Unavailable("STATE_FULL", "The disk is full.")
        await super().put_many(documents, gone=gone)


async def test_a_disk_that_fails_for_a_while_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    state = FullState(tmp_path / "watches.sqlite")
    poll = counting()
    controllers = FakeControllers(target("a"), target("gone"))
    async with watching(tmp_path, controllers, poll, state=state) as at:
        await at.sink.wait_for(4)
        state.full = True
        controllers.remove("gone")
        looked = len(poll.looks)
        await poll.wait_for("a", looked + 3)
        told = len(at.sink.events)
        await poll.wait_for("a", looked + 6)
        assert len(at.sink.events) == told, "nothing is told that is not on the disk"
        state.full = False
        await at.sink.wait_for(told + 3)
        assert poll.failures == []
    mine = sorted(int(each.payload["key"]) for each in at.sink.published)
    assert mine.count(max(mine)) == 1
    assert set(range(1, max(mine) + 1)) == set(mine)


async def test_a_controller_whose_credentials_do_not_open_for_a_while_is_not_forgotten(tmp_path: Path) -> None:
    poll = counting()
    controllers = FakeControllers(target("a"))
    async with watching(tmp_path, controllers, poll) as at:
        await at.sink.wait_for(2)
        controllers.closed = frozenset({"a"})
        held = controllers.targets["a"]
        controllers.remove("a")
        await asyncio.sleep(0.6)
        told = len(at.sink.events)
        controllers.closed = frozenset()
        controllers.put(held)
        await at.sink.wait_for(told + 2)
    numbers = [int(each.payload["key"]) for each in at.sink.published]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_controller_that_is_removed_is_forgotten_on_the_disk(tmp_path: Path) -> None:
    controllers = FakeControllers(target("a"), target("b"))
    poll = counting()
    async with watching(tmp_path, controllers, poll) as at:
        await poll.wait_for("a", 2)
        await poll.wait_for("b", 2)
        controllers.remove("a")
        async with asyncio.timeout(5):
            while at.memories.find("a", poll.name).kept is not None:
                await asyncio.sleep(0.01)
    assert _keys(tmp_path) == ["b telling"]


async def test_a_memory_that_nobody_can_read_is_as_if_it_had_never_been(tmp_path: Path) -> None:
    controllers = FakeControllers(target("a"))
    async with watching(tmp_path, controllers, counting()) as at:
        await at.sink.wait_for(1)
    connection = apsw.Connection(str(tmp_path / "watches.sqlite"))
    connection.execute("UPDATE document SET body = ?", (b"{broken",))
    connection.close()
    async with watching(tmp_path, controllers, counting(), sink=at.sink):
        events = await at.sink.wait_for(len(at.sink.events) + 2)
    assert [each.payload["key"] for each in events].count("1") == 2, "no event is taken for one of the life before"


def _keys(folder: Path) -> list[Json]:
    connection = apsw.Connection(str(folder / "watches.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [row[0] for row in connection.execute("SELECT id FROM document ORDER BY id")]
    finally:
        connection.close()
