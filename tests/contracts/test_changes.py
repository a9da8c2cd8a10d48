"""ChangeStore, and what a run's end does with changes: what every Store promises."""

import asyncio

import pytest

from catalog.errors import Conflict, Forbidden, NotFound, TooMany
from engine.change_events import change_event
from engine.changes import TRANSITIONS, ChangeState, PendingChange
from engine.ports import Store
from engine.runs import Failure, Run, RunState
from tests.contracts.homes import Home
from tests.contracts.rows import ORG, OTHER, Rows
from tests.fakes.clock import FakeClock

LIMIT = 2_000


async def _move(store: Store, rows: Rows, change: PendingChange, state: ChangeState) -> PendingChange:
    return await store.move(
        change,
        state,
        token=change.token,
        audit=rows.audit(f"change.{state}", change.id),
        event=change_event(change, state.value, rows.clock),
    )


async def _end(store: Store, rows: Rows, run: Run, changes: list[PendingChange]) -> bool:
    run.state = RunState.SUCCEEDED
    return await store.finish(run, changes, [change_event(change, "staged", rows.clock) for change in changes])


async def test_what_a_run_staged_is_kept_with_its_end_in_one_commit(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    changes = [rows.change(run, artifact=rows.artifact(), depth=2, step_index=1), rows.change(run)]
    events = [change_event(change, "staged", rows.clock) for change in changes]
    run.state = RunState.SUCCEEDED

    assert await store.finish(run, changes, events)

    assert (await store.list_changes(ORG, 9, None)).items == changes[::-1]
    assert await store.undispatched(9) == events
    audit = (await store.list_audit(ORG, 2, None)).items
    assert [(row.action, row.subject) for row in audit] == [("change.staged", c.id) for c in changes[::-1]]
    assert audit[0].details["digest"] == changes[0].digest


async def test_a_change_staged_by_hand_comes_back_as_it_was(store: Store, rows: Rows) -> None:
    change = await rows.staged(store, artifact=rows.artifact(), note="n")
    assert await store.get_change(ORG, change.id) == change
    assert [event.type for event in await store.undispatched(9)] == ["controller.change.staged"]


@pytest.mark.promise("P2")
async def test_no_change_is_kept_for_another_organisations_controller(store: Store, rows: Rows) -> None:
    for target in ("controller-of-org-2", "nowhere"):
        with pytest.raises(Forbidden) as by_hand:
            await rows.staged(store, controller_id=target)
        run = await rows.fire(store)
        with pytest.raises(Forbidden) as by_run:
            await _end(store, rows, run, [rows.change(run), rows.change(run, controller_id=target)])
        assert by_hand.value.code == by_run.value.code == "CROSS_TENANT_TARGET"
        assert (await store.get_run(ORG, run.id)).state is RunState.RUNNING
    assert (await store.list_changes(ORG, 9, None)).items == []


async def test_every_move_that_is_allowed_is_made_and_every_other_refused(store: Store, rows: Rows) -> None:
    for start in ChangeState:
        for target in ChangeState:
            change = await _in_state(store, rows, start)
            allowed = target in TRANSITIONS.get(start, frozenset())
            if allowed:
                moved = await _move(store, rows, change, target)
                assert moved.state is target
                assert moved.token == change.token + (target is ChangeState.APPLYING)
            else:
                with pytest.raises(Conflict) as refused:
                    await _move(store, rows, change, target)
                assert refused.value.code == "CHANGE_STATE"
                assert refused.value.details["state"] == start
            assert (await store.get_change(ORG, change.id)).state is (target if allowed else start)


async def _in_state(store: Store, rows: Rows, state: ChangeState) -> PendingChange:
    change = await rows.staged(store)
    if state is ChangeState.PENDING:
        return change
    if state in TRANSITIONS[ChangeState.PENDING]:
        return await _move(store, rows, change, state)
    return await _move(store, rows, await _move(store, rows, change, ChangeState.APPLYING), state)


async def test_a_move_writes_the_outcome_and_nothing_that_was_reviewed(store: Store, rows: Rows) -> None:
    change = await rows.staged(store)
    change.decided_by, change.decided_at, change.lease_until = "ann", 5.0, 95.0
    claimed = await _move(store, rows, change, ChangeState.APPLYING)
    assert (claimed.decided_by, claimed.lease_until, claimed.token) == ("ann", 95.0, 1)
    claimed.outcome, claimed.drift, claimed.note = {"ok": True}, {"d": 1}, "note"
    claimed.error = Failure("CODE", "Said.")
    claimed.digest, claimed.operation_id, claimed.expires_at = "forged", "forged.op", 0.0

    await _move(store, rows, claimed, ChangeState.APPLIED)

    kept = await store.get_change(ORG, change.id)
    assert (kept.outcome, kept.drift, kept.note) == ({"ok": True}, {"d": 1}, "note")
    assert kept.error == Failure("CODE", "Said.")
    assert (kept.digest, kept.operation_id, kept.expires_at) == (change.digest, change.operation_id, change.expires_at)
    assert kept.lease_until is None


async def test_a_move_writes_its_audit_row_event_and_feed_entry_or_none_of_them(store: Store, rows: Rows) -> None:
    change = await rows.staged(store)
    audit, feed = (await store.list_audit(ORG, 99, None)).items, await store.feed_after(ORG, 0, 99)
    await _move(store, rows, change, ChangeState.REJECTED)
    with pytest.raises(Conflict):
        await _move(store, rows, change, ChangeState.APPLYING)

    assert [row.action for row in (await store.list_audit(ORG, 99, None)).items] == [
        "change.rejected",
        *(row.action for row in audit),
    ]
    assert [entry.state for entry in await store.feed_after(ORG, feed[-1].seq, 9)] == ["rejected"]
    assert [event.type for event in await store.undispatched(9)] == [
        "controller.change.staged",
        "controller.change.rejected",
    ]


@pytest.mark.promise("W2", count=500)
async def test_of_any_number_who_apply_at_once_one_does(store: Store, rows: Rows) -> None:
    for _ in range(500):
        change = await rows.staged(store)
        tries = [_move(store, rows, change, ChangeState.APPLYING) for _ in range(4)]
        tries.append(_move(store, rows, change, ChangeState.REJECTED))
        ends = await asyncio.gather(*tries, return_exceptions=True)
        winners = [end for end in ends if not isinstance(end, BaseException)]
        assert len(winners) == 1
        assert all(isinstance(end, Conflict) for end in ends if end is not winners[0])
        with pytest.raises(Conflict):
            await _move(store, rows, change, ChangeState.APPLIED)


@pytest.mark.promise("W2")
async def test_an_old_token_cannot_end_a_change(store: Store, rows: Rows) -> None:
    change = await rows.staged(store)
    claimed = await _move(store, rows, change, ChangeState.APPLYING)
    with pytest.raises(Conflict):
        await _move(store, rows, change, ChangeState.APPLIED)
    assert (await _move(store, rows, claimed, ChangeState.APPLIED)).state is ChangeState.APPLIED


async def test_an_organisation_reaches_only_its_own_changes(store: Store, rows: Rows) -> None:
    change = await rows.staged(store)
    theirs = rows.change(id=change.id, organisation_id=OTHER)
    for attempt in (store.get_change(OTHER, change.id), _move(store, rows, theirs, ChangeState.REJECTED)):
        with pytest.raises(NotFound) as refused:
            await attempt
        assert refused.value.code == "CHANGE_NOT_FOUND"
    assert (await store.list_changes(OTHER, 9, None)).items == []


async def test_changes_are_listed_newest_first_by_state(store: Store, rows: Rows) -> None:
    changes = [await rows.staged(store) for _ in range(5)]
    changes[1] = await _move(store, rows, changes[1], ChangeState.REJECTED)
    page = await store.list_changes(ORG, 3, None)
    assert page.items == changes[4:1:-1]
    assert (await store.list_changes(ORG, 3, page.next)).items == changes[1::-1]
    assert (await store.list_changes(ORG, 9, None, state=ChangeState.REJECTED)).items == [changes[1]]


async def test_due_are_the_expired_and_those_whose_apply_died(store: Store, rows: Rows, clock: FakeClock) -> None:
    fresh, old, sent = [await rows.staged(store, expires_at=clock.now() + life) for life in (100.0, 10.0, 5.0)]
    sent.lease_until = clock.now() + 50.0
    await _move(store, rows, sent, ChangeState.APPLYING)
    assert await store.due(clock.now()) == []
    assert [change.id for change in await store.due(clock.now() + 10.0)] == [old.id]
    assert [change.id for change in await store.due(clock.now() + 50.0)] == [old.id, sent.id]
    assert fresh.id not in [change.id for change in await store.due(clock.now() + 99.0)]


async def test_what_a_dead_process_was_applying_is_due_at_once(store: Store, home: Home, rows: Rows) -> None:
    change = await rows.staged(store)
    change.lease_until = rows.clock.now() + 1_000.0
    await _move(store, rows, change, ChangeState.APPLYING)
    assert await store.due(rows.clock.now()) == []
    store = await home.open()
    (lost,) = await store.due(rows.clock.now())
    assert (lost.id, lost.state, lost.token) == (change.id, ChangeState.APPLYING, 1)


async def test_artifacts_are_in_use_while_their_change_is_open(store: Store, rows: Rows) -> None:
    a, b, c = (letter * 64 for letter in "abc")
    changes = {each: await rows.staged(store, artifact=rows.artifact(each)) for each in (a, b, c)}
    await rows.staged(store, artifact=rows.artifact(a))
    for each in (a, b):
        await _move(store, rows, changes[each], ChangeState.REJECTED)
    applying = await _move(store, rows, changes[c], ChangeState.APPLYING)
    assert await store.artifacts_in_use() == {a, c}
    await _move(store, rows, applying, ChangeState.UNKNOWN)
    assert await store.artifacts_in_use() == {a, c}


async def test_an_organisation_holds_2000_pending_changes_and_no_more(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    await _end(store, rows, run, [rows.change(run) for _ in range(LIMIT - 1)])
    last, over = await rows.fire(store), await rows.fire(store)
    with pytest.raises(TooMany) as refused:
        await _end(store, rows, over, [rows.change(over), rows.change(over)])
    assert refused.value.code == "CHANGE_LIMIT"
    assert (await store.get_run(ORG, over.id)).state is RunState.RUNNING
    kept = rows.change(last)
    assert await _end(store, rows, last, [kept])
    with pytest.raises(TooMany):
        await rows.staged(store)
    await Rows(rows.clock, OTHER).staged(store)
    await _move(store, rows, kept, ChangeState.REJECTED)
    await rows.staged(store)


async def test_what_a_replay_stages_supersedes_what_earlier_runs_left_pending(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    old, decided = rows.change(run), rows.change(run)
    await _end(store, rows, run, [old, decided])
    await _move(store, rows, decided, ChangeState.REJECTED)
    other = await rows.fire(store, connection_id="another")
    await _end(store, rows, other, [untouched := rows.change(other)])

    first, second = [await _replay(store, rows, run, number) for number in (1, 2)]

    states = {change.id: change for change in (await store.list_changes(ORG, 99, None)).items}
    assert states[old.id].state is ChangeState.SUPERSEDED
    assert states[decided.id].state is ChangeState.REJECTED
    assert states[untouched.id].state is ChangeState.PENDING
    assert states[first.id].state is ChangeState.SUPERSEDED
    assert states[second.id].state is ChangeState.PENDING
    audit = [row for row in (await store.list_audit(ORG, 99, None)).items if row.action == "change.superseded"]
    assert [row.subject for row in audit] == [first.id, old.id]
    told = [event for event in await store.undispatched(99) if event.type == "controller.change.superseded"]
    assert [(event.payload["change_id"], event.cause) for event in told] == [
        (old.id, run.id),
        (first.id, states[first.id].run_id),
    ]
    feed = [entry.subject for entry in await store.feed_after(ORG, 0, 999) if entry.state == "superseded"]
    assert feed == [old.id, first.id]


async def _replay(store: Store, rows: Rows, of: Run, number: int) -> PendingChange:
    run = rows.run(of.event, of.connection_id, origin=f"replay:{number}", replay_of=of.id, state=RunState.RUNNING)
    (run,) = await store.dispatch(of.event, [run], misses=0, cooldowns=[0.0])
    change = rows.change(run)
    assert await _end(store, rows, run, [change])
    return change


async def test_a_replay_that_stages_nothing_supersedes_nothing(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    await _end(store, rows, run, [old := rows.change(run)])
    again = rows.run(run.event, run.connection_id, origin="replay:1", replay_of=run.id, state=RunState.RUNNING)
    (again,) = await store.dispatch(run.event, [again], misses=0, cooldowns=[0.0])
    await _end(store, rows, again, [])
    assert (await store.get_change(ORG, old.id)).state is ChangeState.PENDING
