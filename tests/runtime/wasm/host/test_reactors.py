"""Warm reactors: what they answer, and what becomes of those that do not."""

import asyncio
import os
import signal
import time

import pytest

from catalog.errors import GuestFailed, TargetFailed, TargetTimeout
from runtime.wasm.messages import ANSWER_MOST
from tests.runtime.wasm.lab import Lab, ask, begin, refusal
from tests.runtime.wasm.modules_in_wat import REACTOR

pytestmark = pytest.mark.asyncio(loop_scope="module")


def number(answer: bytes) -> int:
    return int.from_bytes(answer, "little")


async def test_a_request_is_answered_and_accounted_for(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    assert await ask(replica, b"echo this") == b"echo this"
    used = replica.usage()
    assert (used.requests, used.received, used.sent, used.traps) == (1, 9, 9, 0)
    assert used.memory == used.memory_peak == 2 * 65536
    assert used.cpu_ns > 0
    assert replica.pending == 0
    assert (await replica.stop(1)).good


async def test_pipelined_requests_are_answered_in_order(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    answers = await asyncio.gather(*(begin(replica, b"e%d" % each) for each in range(500)))
    assert answers == [b"e%d" % each for each in range(500)]


async def test_large_requests_and_answers_arrive_whole(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    large = b"e" + os.urandom(ANSWER_MOST - 1)
    asked = [begin(replica, each) for each in (large, b"e-small", large[: 1 << 20])]
    assert await asyncio.gather(*asked) == [large, b"e-small", large[: 1 << 20]]


@pytest.mark.parametrize(
    ("request_", "code", "trap"),
    [
        (b"u", "GUEST_TRAPPED", "UNREACHABLE"),
        (b"o", "GUEST_TRAPPED", "MEMORY_OUT_OF_BOUNDS"),
        (b"r", "GUEST_TRAPPED", "STACK_OVERFLOW"),
        (b"p", "GUEST_TRAPPED", "EXIT"),
        (b"x", "GUEST_BAD_ANSWER", None),
        (b"b", "GUEST_OVERFLOW", None),
    ],
)
async def test_a_guest_that_fails_is_replaced_and_the_next_request_answered(
    lab: Lab, request_: bytes, code: str, trap: str | None
) -> None:
    replica = await lab.start(REACTOR)
    assert [number(await ask(replica, b"c")) for _ in range(2)] == [1, 2]
    failed, after = begin(replica, request_), begin(replica, b"c")
    error = await failed
    assert isinstance(error, TargetFailed)
    assert error.code == code
    assert error.details.get("trap") == trap
    assert await after == b"\1\0\0\0", "a fresh instance counts from one"
    assert replica.usage().traps == 1


async def test_the_top_frames_of_a_trap_are_told(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    error = await refusal(replica, b"r")
    assert error.details["frames"][0].startswith("recurse")


@pytest.mark.usefixtures("merciful")
async def test_a_loop_is_interrupted_when_its_time_is_up(lab: Lab) -> None:
    replica = await lab.start(REACTOR, limit=0.2)
    pid, began = replica.pid, time.perf_counter()
    looping, waiting = begin(replica, b"l"), begin(replica, b"c")
    error = await looping
    assert isinstance(error, TargetTimeout)
    assert error.code == "GUEST_TIMEOUT"
    assert 0.2 <= time.perf_counter() - began < 4
    assert await waiting == b"\1\0\0\0"
    assert replica.pid == pid, "the worker lives on"


@pytest.mark.usefixtures("merciful")
async def test_the_time_of_a_request_begins_when_it_is_at_the_head(lab: Lab) -> None:
    replica = await lab.start(REACTOR, limit=0.2)
    first, second = begin(replica, b"l"), begin(replica, b"l")
    began = time.perf_counter()
    await first
    assert isinstance(await second, TargetTimeout)
    assert time.perf_counter() - began >= 0.4


async def test_a_guest_asleep_in_wasi_is_killed_and_those_behind_it_are_given_back(lab: Lab) -> None:
    replica = await lab.start(REACTOR, limit=0.2)
    began = time.perf_counter()
    asleep, behind = begin(replica, b"s"), begin(replica, b"c")
    error = await asleep
    assert isinstance(error, TargetTimeout)
    assert time.perf_counter() - began < 4
    given_back = await behind
    assert getattr(given_back, "code", None) == "GUEST_NOT_BEGUN"
    ended = await replica.ended()
    assert (ended.code, ended.trap) == (-signal.SIGKILL, "TIMEOUT")
    assert (await refusal(replica, b"e")).code == "GUEST_NOT_BEGUN"


async def test_only_the_head_of_a_worker_that_dies_is_in_doubt(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    asked = [begin(replica, each) for each in (b"e1", b"l", b"e2", b"e3")]
    assert await asked[0] == b"e1"
    os.kill(replica.pid, signal.SIGKILL)
    errors = await asyncio.gather(*asked[1:])
    assert [getattr(each, "code", None) for each in errors] == ["GUEST_GONE", "GUEST_NOT_BEGUN", "GUEST_NOT_BEGUN"]
    assert (await replica.ended()).code == -signal.SIGKILL
    assert replica.pending == 0


@pytest.mark.promise("G3", count=2)
async def test_memory_and_tables_stop_at_their_limits(lab: Lab) -> None:
    replica = await lab.start(REACTOR, memory=8 * 1024 * 1024, tables=5000)
    assert number(await ask(replica, b"g")) == 8 * 1024 * 1024 // 65536
    assert replica.usage().memory_peak == 8 * 1024 * 1024
    assert 4000 <= number(await ask(replica, b"t")) <= 5000


async def test_memory_that_is_too_small_to_begin_with_is_said(lab: Lab) -> None:
    with pytest.raises(GuestFailed, match="memory minimum size of 2 pages exceeds memory limits") as caught:
        await lab.start(REACTOR, memory=65536)
    assert caught.value.code == "RUNTIME_ERROR"


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ('(module (import "env" "surprise" (func)))', "no function `fabric_alloc`|no `memory`"),
        ('(module (memory (export "memory") 1))', "exports no function `fabric_alloc`"),
        (
            REACTOR.replace('(param i32 i32))\n  (func (export "handle")', '(param i32))\n  (func (export "handle")'),
            "fabric_free",
        ),
        (REACTOR.replace('"wasi_snapshot_preview1" "poll_oneoff"', '"env" "poll"'), "unknown import: `env::poll`"),
        (
            REACTOR.replace(
                '(func (export "fabric_free")', '(func $i unreachable) (start $i) (func (export "fabric_free")'
            ),
            "unreachable",
        ),
    ],
)
async def test_a_module_that_is_no_reactor_is_refused_with_the_reason(lab: Lab, module: str, why: str) -> None:
    with pytest.raises(GuestFailed, match=why) as caught:
        await lab.start(module)
    assert caught.value.code == "RUNTIME_ERROR"


@pytest.mark.promise("G2", count=2)
@pytest.mark.parametrize("start", ["(loop $l (br $l))", "SLEEP"])
async def test_a_guest_that_does_not_become_ready_is_ended(lab: Lab, start: str) -> None:
    if start == "SLEEP":
        start = (
            "(i32.store (i32.const 216) (i32.const 1)) (i64.store (i32.const 224) (i64.const 3600000000000))"
            "(drop (call $poll (i32.const 200) (i32.const 300) (i32.const 1) (i32.const 400)))"
        )
    module = REACTOR.replace(
        '(func (export "fabric_free")', f'(func $i {start}) (start $i) (func (export "fabric_free")'
    )
    began = time.perf_counter()
    with pytest.raises(GuestFailed):
        await lab.start(module, start_time=0.3)
    assert time.perf_counter() - began < 5, "compiling it is part of this time"


async def test_what_a_guest_prints_comes_as_it_is(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    lab.output["stdout"].clear()
    await ask(replica, b"w")
    await lab.until_printed(b"printed\n")
    assert bytes(lab.output["stdout"]) == b"printed\n"


async def test_stopping_waits_for_what_is_under_way_and_takes_nothing_more(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    asked = [begin(replica, b"e%d" % each) for each in range(50)]
    stopping = asyncio.ensure_future(replica.stop(5))
    await asyncio.sleep(0)
    late = begin(replica, b"late")
    assert await asyncio.gather(*asked) == [b"e%d" % each for each in range(50)]
    assert getattr(await late, "code", None) == "GUEST_NOT_BEGUN"
    assert (await stopping).good


@pytest.mark.parametrize("request_", [b"l", b"s"])
async def test_stopping_ends_a_guest_that_does_not_come_to_an_end(lab: Lab, request_: bytes) -> None:
    replica = await lab.start(REACTOR, limit=60)
    stuck = begin(replica, request_)
    began = time.perf_counter()
    await replica.stop(0.1)
    assert time.perf_counter() - began < 4
    assert getattr(await stuck, "code", None) in {"GUEST_TIMEOUT", "GUEST_GONE"}


async def test_many_may_wait_for_its_end(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    waiting = [asyncio.ensure_future(replica.ended()) for _ in range(3)]
    await asyncio.sleep(0)
    replica.kill()
    assert len({(each.code, each.trap) for each in await asyncio.gather(*waiting)}) == 1
