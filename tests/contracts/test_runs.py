"""RunStore and RunQueries: what every Store promises."""

import asyncio

import pytest

from catalog.errors import Conflict, Forbidden, NotFound
from engine.ports import Store
from engine.runs import MAX_ATTEMPTS, Failure, Run, RunState, StepRecord, StepState
from tests.contracts.homes import Home
from tests.contracts.rows import ORG, OTHER, Rows
from tests.fakes.clock import FakeClock


async def test_dispatch_inserts_an_events_runs_and_marks_it(store: Store, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    runs = [rows.run(event, f"c-{number}", not_before=number, waits_for="rate") for number in range(3)]

    assert await store.dispatch(event, runs, misses=2, cooldowns=[0.0] * 3) == runs

    assert await store.undispatched(9) == []
    assert [await store.get_run(ORG, run.id) for run in runs] == runs


async def test_a_repeated_dispatch_adds_nothing(store: Store, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    await store.dispatch(event, [rows.run(event)], misses=0, cooldowns=[0.0])
    new = rows.run(event, "another")
    assert await store.dispatch(event, [rows.run(event), new], misses=0, cooldowns=[0.0, 0.0]) == [new]
    assert len((await store.list_runs(ORG, 9, None)).items) == 2


async def test_another_origin_is_another_run(store: Store, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    first = rows.run(event)
    await store.dispatch(event, [first], misses=0, cooldowns=[0.0])
    assert await store.next_replay(first.connection_id, event.id) == 1
    for number in (1, 2, 10):
        again = rows.run(event, origin=f"replay:{number}", replay_of=first.id)
        assert await store.dispatch(event, [again], misses=0, cooldowns=[0.0]) == [again]
        assert await store.next_replay(first.connection_id, event.id) == number + 1
    assert await store.next_replay("another", event.id) == 1


async def test_an_event_that_was_never_accepted_fires_nothing(store: Store, rows: Rows) -> None:
    event = rows.event()
    with pytest.raises(NotFound) as refused:
        await store.dispatch(event, [rows.run(event)], misses=0, cooldowns=[0.0])
    assert refused.value.code == "EVENT_NOT_FOUND"
    assert (await store.list_runs(ORG, 9, None)).items == []


@pytest.mark.promise("P2")
async def test_an_event_fires_nothing_of_another_organisation(store: Store, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    mine, theirs = rows.run(event, "mine"), Rows(rows.clock, OTHER).run(event, "theirs")
    with pytest.raises(Forbidden):
        await store.dispatch(event, [mine, theirs], misses=0, cooldowns=[0.0, 0.0])
    assert (await store.list_runs(ORG, 9, None)).items == []
    assert await store.undispatched(9) == [event]


async def test_a_run_that_comes_in_running_is_claimed(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    assert (run.state, run.epoch, run.attempt) == (RunState.RUNNING, 1, 1)
    assert run.started_at is not None
    assert await store.claim(run.id) is None


async def test_a_claim_is_given_once(store: Store, rows: Rows, clock: FakeClock) -> None:
    run = await rows.fire(store, state=RunState.QUEUED)
    clock.pass_by(5.0)
    claims = [claim for claim in await asyncio.gather(*[store.claim(run.id) for _ in range(20)]) if claim is not None]
    assert len(claims) == 1
    assert (claims[0].state, claims[0].epoch, claims[0].attempt) == (RunState.RUNNING, 1, 1)
    assert claims[0].started_at == clock.now()
    assert await store.get_run(ORG, run.id) == claims[0]
    assert await store.claim("nowhere") is None


async def test_a_finished_run_comes_back_with_its_steps(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    run.steps = (
        StepRecord(
            index=0,
            operation_id="cameras.snapshot",
            id="shot",
            state=StepState.SUCCEEDED,
            attempts=2,
            params={"camera": "[secret]"},
            output={"ok": [1, 2.5, None]},
            artifact=rows.artifact(),
            change_ids=("c",),
            missing=("trigger.x",),
        ),
        StepRecord(index=1, operation_id="fabric.log", state=StepState.DENIED, error=Failure("CODE", "Said.", "Do.")),
    )
    run.state, run.ended_at, run.conditions = RunState.FAILED, 12.5, [{"held": False}]
    run.error, run.reason = Failure("CODE", "Said."), "because"

    assert await store.finish(run, [], [])

    assert await store.get_run(ORG, run.id) == run


async def test_a_result_under_an_old_epoch_is_refused(store: Store, home: Home, rows: Rows) -> None:
    old = await rows.fire(store)
    store = await home.open()
    await store.recover()
    new = await store.claim(old.id)
    assert new is not None
    assert new.epoch == 2
    old.state, old.reason = RunState.SUCCEEDED, "late"
    told = rows.event(event_type="controller.change.staged")

    assert not await store.finish(old, [rows.change(old)], [told])

    assert await store.get_run(ORG, old.id) == new
    assert (await store.list_changes(ORG, 9, None)).items == []
    with pytest.raises(NotFound):
        await store.get_event(ORG, told.id)


async def test_a_run_ends_once(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    run.state = RunState.SUCCEEDED
    assert await store.finish(run, [], [])
    assert not await store.finish(run, [], [])


async def test_a_cancelled_run_takes_no_result(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    cancelled = await store.cancel(ORG, run.id, "by hand")
    assert (cancelled.state, cancelled.reason) == (RunState.CANCELLED, "by hand")
    run.state = RunState.SUCCEEDED
    assert not await store.finish(run, [], [])
    assert await store.get_run(ORG, run.id) == cancelled
    with pytest.raises(Conflict) as over:
        await store.cancel(ORG, run.id, "again")
    assert over.value.code == "RUN_OVER"


async def test_a_queued_run_can_be_cancelled_and_is_not_claimed_then(store: Store, rows: Rows) -> None:
    run = await rows.fire(store, state=RunState.QUEUED)
    await store.cancel(ORG, run.id, "by hand")
    assert await store.claim(run.id) is None


async def test_an_organisation_reaches_only_its_own_runs(store: Store, rows: Rows) -> None:
    run = await rows.fire(store)
    for attempt in (store.get_run(OTHER, run.id), store.cancel(OTHER, run.id, "x"), store.get_run(OTHER, "nowhere")):
        with pytest.raises(NotFound) as refused:
            await attempt
        assert refused.value.code == "RUN_NOT_FOUND"
    assert (await store.list_runs(OTHER, 9, None)).items == []
    assert (await store.list_runs(OTHER, 9, None, connection_id=run.connection_id)).items == []


async def test_runs_of_a_dead_process_start_over_and_ours_do_not(store: Store, home: Home, rows: Rows) -> None:
    lost = await rows.fire(store, connection_id="lost")
    waiting = await rows.fire(store, connection_id="waiting", state=RunState.QUEUED)
    assert await store.recover() == [waiting]

    store = await home.open()

    assert [run.id for run in await store.recover()] == [lost.id, waiting.id]
    again = await store.claim(lost.id)
    assert again is not None
    assert (again.epoch, again.attempt) == (2, 2)
    await store.renew([lost.id])
    assert [run.id for run in await store.recover()] == [waiting.id]


async def test_a_run_that_took_its_process_down_three_times_is_a_dead_letter(
    store: Store, home: Home, rows: Rows
) -> None:
    run = await rows.fire(store, state=RunState.QUEUED)
    for _ in range(MAX_ATTEMPTS):
        assert [each.id for each in await store.recover()] == [run.id]
        await store.claim(run.id)
        store = await home.open()
    assert await store.recover() == []
    dead = await store.get_run(ORG, run.id)
    assert (dead.state, dead.attempt) == (RunState.DEAD_LETTER, MAX_ATTEMPTS)
    assert dead.error is not None
    assert dead.ended_at is not None


async def test_recovery_takes_any_number_of_runs(store: Store, home: Home, rows: Rows) -> None:
    event = rows.event()
    await store.accept(event)
    runs = [rows.run(event, f"c-{number}", state=RunState.RUNNING) for number in range(450)]
    await store.dispatch(event, runs, misses=0, cooldowns=[0.0] * 450)
    store = await home.open()
    assert [run.id for run in await store.recover()] == [run.id for run in runs]


async def test_runs_are_listed_newest_first_by_connection_and_state(store: Store, rows: Rows) -> None:
    runs = [await rows.fire(store, connection_id=f"c-{number % 3}") for number in range(9)]
    for run in runs[::2]:
        run.state = RunState.SUCCEEDED
        await store.finish(run, [], [])

    assert await _all(store) == runs[::-1]
    assert await _all(store, connection_id="c-1") == [runs[7], runs[4], runs[1]]
    assert await _all(store, state=RunState.SUCCEEDED) == runs[::-2]
    assert await _all(store, connection_id="c-1", state=RunState.RUNNING) == [runs[7], runs[1]]
    assert await _all(store, state=RunState.DEAD_LETTER) == []


async def _all(store: Store, connection_id: str | None = None, state: RunState | None = None) -> list[Run]:
    found: list[Run] = []
    cursor = None
    while True:
        page = await store.list_runs(ORG, 2, cursor, connection_id=connection_id, state=state)
        found.extend(page.items)
        cursor = page.next
        if cursor is None:
            return found


async def test_counts_tell_what_waits(store: Store, rows: Rows) -> None:
    await rows.fire(store)
    await rows.fire(store, state=RunState.QUEUED)
    await store.accept(rows.event())
    await rows.staged(store)
    counts = await store.counts()
    assert (counts["runs.queued"], counts["runs.running"], counts["runs.dead_letter"]) == (1, 1, 0)
    assert (counts["changes.pending"], counts["events.undispatched"]) == (1, 2)


async def test_runs_that_an_orderly_stop_gives_back_start_over_and_count_no_crash(
    store: Store, home: Home, rows: Rows
) -> None:
    runs = [await rows.fire(store, connection_id=f"c-{number}") for number in range(3)]
    runs[2].state = RunState.SUCCEEDED
    await store.finish(runs[2], [], [])
    for _ in range(MAX_ATTEMPTS + 1):
        await store.give_back([run.id for run in runs])
        store = await home.open()
        assert [run.id for run in await store.recover()] == [run.id for run in runs[:2]]
        for run in runs[:2]:
            again = await store.claim(run.id)
            assert again is not None
            assert (again.attempt, again.epoch > run.epoch) == (1, True)
    assert not await store.finish(runs[0], [], [])
