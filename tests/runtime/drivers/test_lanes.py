"""Client libraries that block: one that hangs costs its own call and its lane, and neither the loop nor the others."""

import asyncio
import threading

import pytest

from catalog.errors import Unavailable
from catalog.provider import Target
from runtime.drivers.lanes import Lanes
from runtime.threads import in_thread


def target(name: str) -> Target:
    return Target(id=name, organisation_id="o", site_id="s", driver="fake", name=name, settings={})


class Gate:
    """Calls that hang until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def hang(self) -> str:
        assert self._open.wait(20)
        return "late"

    def open(self) -> None:
        self._open.set()


async def test_what_the_work_returns_or_raises_comes_back() -> None:
    lanes = Lanes()
    assert await lanes.run(target("a"), lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await lanes.run(target("a"), lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await lanes.run(target("a"), lambda: next(iter(())))


async def test_hung_calls_keep_their_lanes_until_they_return_and_others_have_theirs() -> None:
    lanes, gate = Lanes(2), Gate()
    hung = [asyncio.create_task(lanes.run(target("hangs"), gate.hang)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in hung:
        task.cancel()
    await asyncio.wait(hung)
    with pytest.raises(Unavailable) as refused:
        await lanes.run(target("hangs"), lambda: 1)
    assert refused.value.code == "TARGET_BUSY"
    assert await lanes.run(target("well"), lambda: 1) == 1
    gate.open()
    async with asyncio.timeout(5):
        while True:
            try:
                assert await lanes.run(target("hangs"), lambda: 1) == 1
                break
            except Unavailable:
                await asyncio.sleep(0.001)


async def test_a_hundred_hung_calls_do_not_delay_the_loop() -> None:
    lanes, gate = Lanes(), Gate()
    hung = [asyncio.create_task(lanes.run(target(str(number)), gate.hang)) for number in range(100)]
    began = asyncio.get_running_loop().time()
    assert await lanes.run(target("well"), lambda: 1) == 1
    assert asyncio.get_running_loop().time() - began < 1
    gate.open()
    assert await asyncio.gather(*hung) == ["late"] * 100


async def test_a_thread_that_cannot_be_started_takes_no_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = Lanes(1)

    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            await lanes.run(target("a"), lambda: 1, fresh=True)
    assert await lanes.run(target("a"), lambda: 1) == 1


def test_a_call_that_returns_after_the_loop_has_closed_disturbs_nobody() -> None:
    gate = Gate()

    async def leave() -> None:
        in_thread(gate.hang, lambda: None, name="late", fresh=True)

    asyncio.run(leave())
    (thread,) = (each for each in threading.enumerate() if each.name == "late")
    assert thread.daemon
    gate.open()
    thread.join(5)
    assert not thread.is_alive()


async def test_work_that_wants_a_fresh_thread_is_given_one_that_ends_with_it() -> None:
    lanes = Lanes()
    usual = await lanes.run(target("a"), threading.get_ident)
    fresh = await lanes.run(target("a"), threading.current_thread, fresh=True)

    fresh.join(5)
    assert fresh.ident != usual
    assert not fresh.is_alive()


async def test_one_call_after_another_starts_no_further_thread() -> None:
    lanes = Lanes()
    await lanes.run(target("a"), threading.get_ident)
    before = threading.active_count()
    for _ in range(50):
        await lanes.run(target("a"), threading.get_ident)

    assert threading.active_count() <= before + 1
