"""EventStore: what every Store promises."""

import asyncio

import msgspec
import pytest

from catalog.artifacts import ArtifactRef
from catalog.errors import Conflict, Invalid, NotFound
from engine.ports import Store
from tests.contracts.homes import Home
from tests.contracts.rows import ORG, OTHER, Rows
from tests.fakes.clock import FakeClock


async def test_an_accepted_event_comes_back_as_it_was(store: Store, rows: Rows) -> None:
    picture = ArtifactRef(token="t", sha256="s", size=3, media_type="image/jpeg")
    payload = {"n": 2**62, "f": 0.1, "s": "ü\u0000\n", "l": [None, True, {"x": []}]}
    event = rows.event(payload, artifact=picture, depth=3, cause="run-1", only="c", origin="test")

    accepted = await store.accept(event)

    assert accepted.event == event
    assert not accepted.repeated
    assert await store.get_event(ORG, event.id) == event


async def test_an_event_waits_until_it_is_dispatched_oldest_first(store: Store, rows: Rows) -> None:
    events = [rows.event() for _ in range(5)]
    for event in events:
        await store.accept(event)
    assert await store.undispatched(3) == events[:3]

    await store.dispatch(events[0], [], misses=4, cooldowns=[])

    assert await store.undispatched(9) == events[1:]


async def test_an_accepted_event_survives_the_process(store: Store, home: Home, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)

    again = await home.open()

    assert await again.undispatched(9) == [event]


async def test_the_same_event_again_is_kept_once(store: Store, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    assert (await store.accept(event)).repeated
    assert len((await store.list_events(ORG, 9, None)).items) == 1


async def test_an_event_id_of_another_organisation_is_refused_without_a_word_on_it(store: Store, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    theirs = Rows(rows.clock, OTHER).event()
    with pytest.raises(Conflict, match="exists already") as refused:
        await store.accept(msgspec.structs.replace(theirs, id=event.id))
    assert refused.value.code == "EVENT_EXISTS"


async def test_a_key_answers_the_first_event_again(store: Store, rows: Rows) -> None:
    first = await store.accept(rows.event({"n": 1}), key="k", body_digest="d")
    second = await store.accept(rows.event({"n": 1}), key="k", body_digest="d")
    assert second.repeated
    assert second.event == first.event


async def test_a_key_with_another_body_is_a_conflict(store: Store, rows: Rows) -> None:
    await store.accept(rows.event(), key="k", body_digest="d")
    with pytest.raises(Conflict) as refused:
        await store.accept(rows.event(), key="k", body_digest="other")
    assert refused.value.code == "IDEMPOTENCY_MISMATCH"
    assert len((await store.list_events(ORG, 9, None)).items) == 1


async def test_a_key_is_its_organisations_own(store: Store, rows: Rows) -> None:
    await store.accept(rows.event(), key="k", body_digest="d")
    theirs = await store.accept(Rows(rows.clock, OTHER).event(), key="k", body_digest="other")
    assert not theirs.repeated


async def test_a_key_lives_24_hours(store: Store, rows: Rows, clock: FakeClock) -> None:
    first = await store.accept(rows.event(), key="k", body_digest="d")
    clock.pass_by(24 * 3600 - 1)
    assert (await store.accept(rows.event(), key="k", body_digest="d")).event == first.event
    clock.pass_by(2)
    later = await store.accept(rows.event(), key="k", body_digest="other")
    assert not later.repeated
    assert (await store.accept(rows.event(), key="k", body_digest="other")).event == later.event


async def test_of_many_at_once_with_one_key_one_is_kept(store: Store, rows: Rows) -> None:
    answers = await asyncio.gather(*[store.accept(rows.event(), key="k", body_digest="d") for _ in range(50)])
    assert sum(not answer.repeated for answer in answers) == 1
    assert len({answer.event.id for answer in answers}) == 1


async def test_an_organisation_sees_only_its_own_events(store: Store, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    with pytest.raises(NotFound) as foreign:
        await store.get_event(OTHER, event.id)
    with pytest.raises(NotFound) as absent:
        await store.get_event(OTHER, "nowhere")
    assert foreign.value.code == absent.value.code == "EVENT_NOT_FOUND"
    assert (await store.list_events(OTHER, 9, None)).items == []
    assert await store.last_event(OTHER, lambda _kind: True) is None


async def test_events_are_listed_newest_first_in_pages(store: Store, rows: Rows) -> None:
    events = [rows.event() for _ in range(7)]
    for event in events:
        await store.accept(event)
    seen, cursor = [], None
    while True:
        page = await store.list_events(ORG, 3, cursor)
        seen.extend(page.items)
        cursor = page.next
        if cursor is None:
            break
    assert seen == events[::-1]


async def test_a_list_of_just_one_page_has_no_next(store: Store, rows: Rows) -> None:
    for _ in range(3):
        await store.accept(rows.event())
    assert (await store.list_events(ORG, 3, None)).next is None


@pytest.mark.parametrize("cursor", ["", "%", "bm90aGluZw", "czE2eA", "c-", "czk5OTk5OTk5OTk5OTk5OTk5OTk5"])
async def test_a_cursor_that_is_none_of_ours_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        await store.list_events(ORG, 3, cursor)
    assert refused.value.code == "CURSOR_INVALID"


async def test_the_last_event_is_the_latest_ordinary_one_whose_type_matches(store: Store, rows: Rows) -> None:
    wanted = rows.event({"n": 1}, "device.updated")
    tried = rows.event({"n": 2}, "device.updated", origin="test", only="c")
    for event in (rows.event({"n": 0}, "device.updated"), wanted, tried, rows.event()):
        await store.accept(event)
    assert await store.last_event(ORG, lambda kind: kind.startswith("device.")) == wanted
    assert await store.last_event(ORG, lambda kind: kind == "nothing.such") is None


async def test_times_of_recent_events_restore_a_window(store: Store, rows: Rows, clock: FakeClock) -> None:
    for _ in range(4):
        await store.accept(rows.event())
        await store.accept(rows.event(event_type="device.updated"))
        clock.pass_by(10.0)
    start = clock.now() - 40.0
    assert await store.recent_count(ORG, start + 10.0, "ingest.external") == [start + 10.0, start + 20.0, start + 30.0]
    assert await store.recent_count(OTHER, 0.0, "ingest.external") == []


async def test_an_event_that_fires_nothing_needs_no_dispatch(store: Store, rows: Rows) -> None:
    settled = rows.event()
    keyed = rows.event()
    await store.accept(settled, misses=3)
    await store.accept(keyed, misses=0, key="k", body_digest="d")
    assert await store.undispatched(9) == []
    assert (await store.accept(rows.event(), misses=None, key="k", body_digest="d")).event == keyed
    assert (await store.list_events(ORG, 9, None)).items == [keyed, settled]
