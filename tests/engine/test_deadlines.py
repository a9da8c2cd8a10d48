"""Deadlines that are used again: whoever has one is cancelled by his own moment, and nobody by another's."""

import asyncio

import pytest

from engine.deadline import Deadline, Deadlines


async def spent(deadlines: Deadlines, due: float, seconds: float) -> bool:
    """Take a deadline, sleep for so long under it, give it back: did it strike?"""
    deadline = deadlines.take()
    try:
        deadline.move(asyncio.get_running_loop().time() + due)
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        assert deadline.took()
        return True
    finally:
        deadlines.give_back(deadline)
    return False


async def test_the_next_ones_moment_counts_whether_sooner_or_later_than_the_timer_that_is_set() -> None:
    deadlines = Deadlines()
    assert not await spent(deadlines, 30.0, 0)
    assert await spent(deadlines, 0.02, 5)  # the timer was set for later
    assert not await spent(deadlines, 0.03, 0)
    assert not await spent(deadlines, 0.3, 0.06)  # it goes off in between, in vain
    assert await spent(deadlines, 0.05, 5)


async def test_one_that_was_given_back_cancels_nobody() -> None:
    deadlines = Deadlines()
    assert not await spent(deadlines, 0.02, 0)
    await asyncio.sleep(0.05)
    assert not await spent(deadlines, 30.0, 0.01)


async def test_two_walks_at_once_have_two() -> None:
    deadlines = Deadlines()
    assert not await spent(deadlines, 30.0, 0)
    struck = await asyncio.gather(spent(deadlines, 0.02, 5), spent(deadlines, 5, 0.05))
    assert list(struck) == [True, False]


def test_it_needs_a_task_to_cancel() -> None:
    with pytest.raises(RuntimeError):
        Deadline()
