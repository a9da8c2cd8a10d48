"""Cooldowns: a Connection rests after it fired, whatever clocks and processes do."""

import pytest

from engine.ports import Store
from engine.runs import Run, RunState
from tests.contracts.homes import Home
from tests.contracts.rows import ORG, Rows
from tests.fakes.clock import FakeClock

REST = 60.0


async def _fire(store: Store, rows: Rows, connection_id: str = "c", rest: float = REST) -> Run:
    event = rows.event()
    await store.accept(event)
    run = rows.run(event, connection_id, state=RunState.RUNNING)
    (kept,) = await store.dispatch(event, [run], misses=0, cooldowns=[rest])
    assert run.state is RunState.RUNNING, "the caller's own run stays as it was"
    return kept


async def test_a_resting_connection_skips_with_a_row(store: Store, rows: Rows, clock: FakeClock) -> None:
    assert (await _fire(store, rows)).state is RunState.RUNNING
    clock.pass_by(REST - 1)
    skipped = await _fire(store, rows)
    assert (skipped.state, skipped.reason) == (RunState.SKIPPED, "cooldown")
    assert skipped.ended_at is not None
    assert await store.get_run(ORG, skipped.id) == skipped
    clock.pass_by(1)
    assert (await _fire(store, rows)).state is RunState.RUNNING


async def test_a_skip_does_not_make_the_rest_longer(store: Store, rows: Rows, clock: FakeClock) -> None:
    await _fire(store, rows)
    for _ in range(5):
        clock.pass_by(11.0)
        assert (await _fire(store, rows)).state is RunState.SKIPPED
    clock.pass_by(5.0)
    assert (await _fire(store, rows)).state is RunState.RUNNING


async def test_connections_rest_each_for_itself(store: Store, rows: Rows) -> None:
    await _fire(store, rows, "a")
    assert (await _fire(store, rows, "b")).state is RunState.RUNNING
    assert (await _fire(store, rows, "a", rest=0.0)).state is RunState.RUNNING


async def test_a_repeated_dispatch_neither_rests_nor_is_hidden_by_its_own_rest(
    store: Store, rows: Rows, clock: FakeClock
) -> None:
    event = rows.event()
    await store.accept(event)
    await store.dispatch(event, [rows.run(event, "c")], misses=0, cooldowns=[REST])
    assert await store.dispatch(event, [rows.run(event, "c")], misses=0, cooldowns=[REST]) == []
    clock.pass_by(REST)
    assert await store.dispatch(event, [rows.run(event, "c")], misses=0, cooldowns=[REST]) == []
    assert (await _fire(store, rows)).state is not RunState.SKIPPED


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_a_rest_outlives_a_jump_of_the_wall_clock(
    store: Store, rows: Rows, clock: FakeClock, jump: float
) -> None:
    await _fire(store, rows)
    clock.set_wall(jump)
    clock.pass_by(REST - 1)
    assert (await _fire(store, rows)).state is RunState.SKIPPED
    clock.pass_by(1)
    assert (await _fire(store, rows)).state is RunState.RUNNING


async def test_a_rest_outlives_a_restart(store: Store, home: Home, rows: Rows, clock: FakeClock) -> None:
    await _fire(store, rows)
    store = await home.open()
    clock.pass_by(REST - 1)
    assert (await _fire(store, rows)).state is RunState.SKIPPED
    clock.pass_by(1)
    assert (await _fire(store, rows)).state is RunState.RUNNING


async def test_a_clock_set_back_over_a_restart_never_makes_a_rest_longer_than_it_is(
    store: Store, home: Home, rows: Rows, clock: FakeClock
) -> None:
    await _fire(store, rows)
    clock.set_wall(-3600.0)
    store = await home.open()
    assert (await _fire(store, rows)).state is RunState.RUNNING
    assert (await _fire(store, rows)).state is RunState.SKIPPED
