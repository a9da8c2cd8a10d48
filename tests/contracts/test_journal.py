"""JournalStore and Housekeeping: what every Store promises."""

import asyncio

import msgspec
import pytest

from catalog.errors import NotFound
from engine.ports import Store
from engine.records import FEED, FeedEntry, Notification
from engine.runs import RunState
from tests.contracts.homes import Home
from tests.contracts.rows import ORG, OTHER, Rows
from tests.fakes.clock import FakeClock

DAY = 86_400.0


async def test_audit_rows_form_a_chain_an_organisation(store: Store, rows: Rows) -> None:
    before = (await store.list_audit(ORG, 1, None)).items[0]
    first = await store.write_audit(rows.audit(details={"b": 1, "a": [None, 1.5, "ü"]}, address="::1"))
    second = await store.write_audit(rows.audit())
    assert [row.seq for row in (before, first, second)] == [before.seq, before.seq + 1, before.seq + 2]
    assert (first.previous, second.previous) == (before.hash, first.hash)
    assert (await store.list_audit(ORG, 2, None)).items == [second, first]
    assert await store.verify_audit(ORG) is None
    assert await store.verify_audit("nobody") is None


async def test_audit_rows_are_listed_in_pages_of_one_organisation(store: Store, rows: Rows) -> None:
    kept = [await store.write_audit(rows.audit(subject=str(number))) for number in range(5)]
    page = await store.list_audit(ORG, 3, None)
    assert page.items == kept[:1:-1]
    assert (await store.list_audit(ORG, 2, page.next)).items == kept[1::-1]
    assert kept[0] not in (await store.list_audit(OTHER, 99, None)).items


def _note(rows: Rows, delivery_id: str) -> Notification:
    return Notification(
        id=rows.clock.new_id(),
        organisation_id=rows.organisation_id,
        delivery_id=delivery_id,
        title="t",
        body="b",
        source="s",
        created_at=rows.clock.now(),
    )


async def test_a_delivery_is_one_notification_however_often_it_is_made(store: Store, rows: Rows) -> None:
    ids = await asyncio.gather(*[store.deliver(_note(rows, "d")) for _ in range(20)])
    assert len(set(ids)) == 1
    assert await store.deliver(_note(Rows(rows.clock, OTHER), "d")) not in ids
    assert [each.id for each in (await store.list_notifications(ORG, 9, None)).items] == [ids[0]]


async def test_a_notification_is_read_once(store: Store, rows: Rows) -> None:
    ids = [await store.deliver(_note(rows, str(number))) for number in range(3)]
    await store.mark_read(ORG, ids[1], 5.0)
    await store.mark_read(ORG, ids[1], 9.0)
    assert [(each.id, each.read_at) for each in (await store.list_notifications(ORG, 2, None)).items] == [
        (ids[2], None),
        (ids[1], 5.0),
    ]
    for organisation_id, wanted in ((OTHER, ids[0]), (ORG, "nowhere")):
        with pytest.raises(NotFound) as refused:
            await store.mark_read(organisation_id, wanted, 1.0)
        assert refused.value.code == "NOTIFICATION_NOT_FOUND"


async def test_the_feed_tells_every_move_in_order(store: Store, rows: Rows) -> None:
    run = await rows.fire(store, state=RunState.QUEUED)
    claimed = await store.claim(run.id)
    assert claimed is not None
    change = rows.change(claimed)
    claimed.state = RunState.SUCCEEDED
    await store.finish(claimed, [change], [])
    feed = await store.feed_after(ORG, 0, 99)
    assert [(entry.kind, entry.subject, entry.state) for entry in feed] == [
        ("run", run.id, "queued"),
        ("run", run.id, "running"),
        ("run", run.id, "succeeded"),
        ("change", change.id, "pending"),
    ]
    assert [entry.seq for entry in feed] == sorted({entry.seq for entry in feed})
    assert await store.feed_after(ORG, feed[1].seq, 1) == [feed[2]]
    assert await store.feed_after(ORG, feed[-1].seq, 9) == []
    assert await store.feed_after(OTHER, 0, 9) == []


async def test_a_reader_of_the_feed_misses_nothing_while_others_write(store: Store, rows: Rows) -> None:
    seen: list[FeedEntry] = []
    others = Rows(rows.clock, OTHER)
    writers = asyncio.gather(*[each.fire(store) for _ in range(150) for each in (rows, others)])
    while not writers.done():
        seen.extend(await store.feed_after(ORG, seen[-1].seq if seen else 0, 7))
    while more := await store.feed_after(ORG, seen[-1].seq if seen else 0, 7):
        seen.extend(more)
    runs = await writers
    assert {entry.subject for entry in seen} == {run.id for run in runs if run.organisation_id == ORG}
    assert len(seen) == 150


async def test_the_bus_is_told_whose_feed_has_grown(store: Store, home: Home, rows: Rows) -> None:
    home.bus.told.clear()
    await rows.fire(store)
    await Rows(rows.clock, OTHER).fire(store)
    await asyncio.sleep(0)
    assert [message for topic, message in home.bus.told if topic == FEED] == [ORG, OTHER]


async def test_what_is_over_and_old_goes_and_what_is_referred_to_stays(
    store: Store, rows: Rows, clock: FakeClock
) -> None:
    over, live = await rows.fire(store), await rows.fire(store)
    over.state, over.ended_at = RunState.SUCCEEDED, clock.now()
    await store.finish(over, [], [])
    idle, waiting = rows.event(), rows.event()
    for event in (idle, waiting):
        await store.accept(event)
    await store.dispatch(idle, [], misses=1, cooldowns=[])
    clock.pass_by(3 * DAY)
    young = await rows.fire(store)
    young.state, young.ended_at = RunState.SUCCEEDED, clock.now()
    await store.finish(young, [], [])
    limit = clock.now() - DAY

    gone = await store.prune(events_before=limit, runs_before=limit, feed_before=limit, limit=100)

    assert (gone["runs"], gone["events"]) == (1, 2)
    assert {run.id for run in (await store.list_runs(ORG, 9, None)).items} == {live.id, young.id}
    assert {event.id for event in (await store.list_events(ORG, 9, None)).items} == {
        live.event.id,
        young.event.id,
        waiting.id,
    }
    assert {entry.subject for entry in await store.feed_after(ORG, 0, 99)} == {young.id}


async def test_an_event_stays_as_long_as_a_run_of_it(store: Store, rows: Rows, clock: FakeClock) -> None:
    run = await rows.fire(store)
    run.state, run.ended_at = RunState.SUCCEEDED, clock.now()
    await store.finish(run, [], [])
    clock.pass_by(3 * DAY)
    now = clock.now()
    gone = await store.prune(events_before=now, runs_before=now - 9 * DAY, feed_before=now, limit=100)
    assert (gone["events"], gone["runs"]) == (0, 0)
    assert await store.get_run(ORG, run.id) == run


async def test_the_event_of_a_living_key_stays(store: Store, rows: Rows, clock: FakeClock) -> None:
    first = await store.accept(rows.event(), key="k", body_digest="d")
    await store.dispatch(first.event, [], misses=0, cooldowns=[])
    clock.pass_by(DAY - 1)
    await store.prune(events_before=clock.now(), runs_before=0.0, feed_before=0.0, limit=100)
    assert (await store.accept(rows.event(), key="k", body_digest="d")).event == first.event
    clock.pass_by(DAY)
    gone = await store.prune(events_before=clock.now(), runs_before=0.0, feed_before=0.0, limit=100)
    assert gone["keys"] == gone["events"] == 1


async def test_pruning_goes_in_slices_and_takes_all(store: Store, rows: Rows, clock: FakeClock) -> None:
    for _ in range(130):
        event = rows.event()
        await store.accept(event)
        await store.dispatch(event, [], misses=0, cooldowns=[])
    clock.pass_by(3 * DAY)
    counts = []
    while True:
        now = clock.now()
        gone = await store.prune(events_before=now, runs_before=now, feed_before=now, limit=60)
        counts.append(gone["events"])
        if gone["events"] < 60:
            break
    assert counts == [60, 60, 10]
    assert (await store.list_events(ORG, 9, None)).items == []


async def test_what_was_live_when_pruning_passed_goes_later(store: Store, rows: Rows, clock: FakeClock) -> None:
    run = await rows.fire(store)
    clock.pass_by(3 * DAY)
    now = clock.now()
    assert (await store.prune(events_before=now, runs_before=now, feed_before=now, limit=9))["runs"] == 0
    run.state, run.ended_at = RunState.SUCCEEDED, clock.now()
    await store.finish(run, [], [])
    clock.pass_by(DAY)
    now = clock.now()
    assert (await store.prune(events_before=now, runs_before=now, feed_before=now, limit=9))["runs"] == 1


async def test_the_feed_keeps_its_numbering_when_all_of_it_is_old(
    store: Store, home: Home, rows: Rows, clock: FakeClock
) -> None:
    await rows.fire(store)
    last = (await store.feed_after(ORG, 0, 9))[-1].seq
    clock.pass_by(9 * DAY)
    await store.prune(events_before=0.0, runs_before=0.0, feed_before=clock.now(), limit=99)
    store = await home.open()
    run = await rows.fire(store)
    assert [(entry.seq > last, entry.subject) for entry in await store.feed_after(ORG, last, 9)] == [(True, run.id)]


async def test_a_sound_database_has_no_problems(store: Store, rows: Rows) -> None:
    await rows.staged(store)
    assert await store.check() == []


async def test_closing_twice_is_harmless(store: Store, rows: Rows) -> None:
    await rows.fire(store)
    await store.close()
    await store.close()


async def test_times_and_numbers_come_back_exactly(store: Store, rows: Rows) -> None:
    event = msgspec.structs.replace(rows.event({"x": 0.1 + 0.2, "y": -0.0, "z": 1e308}), time=1763750000.123456)
    await store.accept(event)
    kept = await store.get_event(ORG, event.id)
    assert repr(kept.time) == repr(event.time)
    assert repr(kept.payload) == repr(event.payload)
