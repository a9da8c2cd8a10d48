"""Framed guests: requests through their own stdin and stdout, and what becomes of guests that break the frame."""

import asyncio
import signal
import time

import pytest

from catalog.errors import GuestFailed, TargetFailed
from runtime.wasm.host.replica import WorkerReplica
from runtime.wasm.launch import Abi
from tests.runtime.wasm.lab import Lab, ask, begin, refusal
from tests.runtime.wasm.modules_in_wat import command

pytestmark = pytest.mark.asyncio(loop_scope="module")

FRAMED = command(
    """
  (local $n i32)
  (call $frame (i32.const 0) (i32.const 0) (i32.const 6))
  (loop $next
    (if (i32.eqz (call $take (i32.const 1000) (i32.const 5))) (then (return)))
    (local.set $n (i32.load (i32.const 1000)))
    (drop (call $take (i32.const 4096) (local.get $n)))
    (global.set $what (i32.load8_u (i32.const 4096)))
    (if (i32.eq (global.get $what) (i32.const 117)) (then unreachable))
    (if (i32.eq (global.get $what) (i32.const 108)) (then (loop $l (br $l))))
    (if (i32.eq (global.get $what) (i32.const 112)) (then (call $exit (i32.const 3))))
    (if (i32.eq (global.get $what) (i32.const 110)) (then (call $frame (i32.const 4096) (i32.const 4) (i32.const 99))))
    (if (i32.eq (global.get $what) (i32.const 98)) (then
      (i32.store (i32.const 1000) (i32.const 0x7fffffff))
      (call $put (i32.const 1000) (i32.const 5))))
    (if (i32.eq (global.get $what) (i32.const 111)) (then (call $frame (i32.const 4096) (local.get $n) (i32.const 5))))
    (if (i32.eq (global.get $what) (i32.const 104)) (then
      (call $frame (i32.const 4096) (local.get $n) (i32.const 3))
      (drop (call $take (i32.const 1000) (i32.const 5)))
      (local.set $n (i32.load (i32.const 1000)))
      (drop (call $take (i32.const 4096) (local.get $n)))))
    (call $frame (i32.const 4096) (local.get $n) (i32.const 2))
    (br $next))""",
    imports="""
  (global $what (mut i32) (i32.const 0))
  (func $take (param $at i32) (param $n i32) (result i32)
    (loop $more
      (if (i32.eqz (local.get $n)) (then (return (i32.const 1))))
      (i32.store (i32.const 32) (local.get $at))
      (i32.store (i32.const 36) (local.get $n))
      (drop (call $read (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 40)))
      (if (i32.eqz (i32.load (i32.const 40))) (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 40))))
      (local.set $n (i32.sub (local.get $n) (i32.load (i32.const 40))))
      (br $more))
    (unreachable))
  (func $put (param $at i32) (param $n i32)
    (loop $more
      (if (i32.eqz (local.get $n)) (then (return)))
      (i32.store (i32.const 32) (local.get $at))
      (i32.store (i32.const 36) (local.get $n))
      (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 40))))
      (local.set $n (i32.sub (local.get $n) (i32.load (i32.const 40))))
      (br $more)))
  (func $frame (param $at i32) (param $n i32) (param $kind i32)
    (i32.store (i32.const 1000) (local.get $n))
    (i32.store8 (i32.const 1004) (local.get $kind))
    (call $put (i32.const 1000) (i32.const 5))
    (call $put (local.get $at) (local.get $n)))""",
    memory='(memory (export "memory") 80)',
)
"""Echoes. u l p: trap, loop, exit with 3. n b: a frame of kind 99, one that claims 2 GiB. o: prints by a frame first.
h: asks the daemon, and answers what came."""


async def start(lab: Lab, limit: float = 10.0) -> WorkerReplica:
    return await lab.start(FRAMED, Abi.FRAMED, limit=limit)


async def test_requests_are_answered_in_order_and_accounted_for(lab: Lab) -> None:
    replica = await start(lab)
    answers = await asyncio.gather(*(begin(replica, b"e%d" % each) for each in range(300)))
    assert answers == [b"e%d" % each for each in range(300)]
    used = replica.usage()
    assert (used.requests, used.sent) == (300, sum(len(b"e%d" % each) for each in range(300)))
    assert (await replica.stop(1)).good


async def test_what_is_larger_than_a_pipe_arrives_whole(lab: Lab) -> None:
    replica = await start(lab)
    large = b"e" * (4 << 20)
    assert await asyncio.gather(*(begin(replica, each) for each in (large, b"e-small", large))) == [
        large,
        b"e-small",
        large,
    ]


async def test_what_it_prints_by_a_frame_is_its_stdout(lab: Lab) -> None:
    replica = await start(lab)
    assert await ask(replica, b"out\n") == b"out\n"
    assert bytes(lab.output["stdout"]).endswith(b"out\n")


async def test_after_a_trap_another_instance_answers_in_the_same_worker(lab: Lab) -> None:
    replica = await start(lab)
    pid = replica.pid
    failed, after = begin(replica, b"u"), begin(replica, b"e")
    error = await failed
    assert isinstance(error, TargetFailed)
    assert (error.code, error.details["trap"]) == ("GUEST_TRAPPED", "UNREACHABLE")
    assert await after == b"e"
    assert (replica.pid, replica.usage().traps) == (pid, 1)


@pytest.mark.usefixtures("merciful")
async def test_a_loop_is_interrupted_and_the_guest_begins_again(lab: Lab) -> None:
    replica = await start(lab, limit=0.2)
    began = time.perf_counter()
    looping, after = begin(replica, b"l"), begin(replica, b"e")
    assert getattr(await looping, "code", None) == "GUEST_TIMEOUT"
    assert time.perf_counter() - began < 4
    assert await after == b"e"


@pytest.mark.parametrize(("request_", "code"), [(b"nonsense", "GUEST_BAD_ANSWER"), (b"big", "GUEST_OVERFLOW")])
async def test_a_guest_that_breaks_the_frame_is_ended(lab: Lab, request_: bytes, code: str) -> None:
    replica = await start(lab)
    failed, behind = begin(replica, request_), begin(replica, b"e")
    assert getattr(await failed, "code", None) == code
    assert getattr(await behind, "code", None) == "GUEST_NOT_BEGUN"
    ended = await replica.ended()
    assert (ended.code, ended.trap) == (-signal.SIGKILL, "BROKEN")


async def test_a_guest_that_exits_has_ended(lab: Lab) -> None:
    replica = await start(lab)
    failed, behind = begin(replica, b"p"), begin(replica, b"e")
    assert getattr(await failed, "code", None) == "GUEST_GONE"
    assert getattr(await behind, "code", None) == "GUEST_NOT_BEGUN"
    assert (await replica.ended()).code == 3


async def test_it_may_ask_the_daemon_where_that_is_granted(lab: Lab) -> None:
    async def outgoing(request: bytes) -> bytes:
        await asyncio.sleep(0)
        return request.upper()

    granted = await lab.start(FRAMED, Abi.FRAMED, http_request=True, outgoing=outgoing)
    assert await asyncio.gather(*(begin(granted, b"have") for _ in range(20))) == [b"HAVE"] * 20
    refused = await lab.start(FRAMED, Abi.FRAMED, http_request=False, outgoing=outgoing)
    assert (await ask(refused, b"have"))[-9:] == b"FORBIDDEN"


async def test_a_guest_that_asks_without_waiting_is_ended(lab: Lab) -> None:
    asked = 0

    async def outgoing(request: bytes) -> bytes:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return request

    ask = "(call $frame (i32.const 4096) (local.get $n) (i32.const 3))"
    assert ask in FRAMED
    replica = await lab.start(FRAMED.replace(ask, ask * 100), Abi.FRAMED, http_request=True, outgoing=outgoing)
    assert (await refusal(replica, b"have")).code == "GUEST_BAD_ANSWER"
    assert (await replica.ended()).trap == "BROKEN"
    assert asked <= 1


async def test_a_guest_that_ends_before_it_is_ready_is_no_guest(lab: Lab) -> None:
    with pytest.raises(GuestFailed, match="unreachable"):
        await lab.start(command("unreachable"), Abi.FRAMED)
    with pytest.raises(GuestFailed, match="ended with 7"):
        await lab.start(command("(call $exit (i32.const 7))"), Abi.FRAMED)
    with pytest.raises(GuestFailed, match="not ready in time"):
        await lab.start(command("(loop $l (br $l))"), Abi.FRAMED, start_time=0.2)


async def test_an_answer_that_nobody_asked_for_ends_it(lab: Lab) -> None:
    ready, answer = (f"(call $frame (i32.const 0) (i32.const 0) (i32.const {kind}))" for kind in (6, 2))
    talks = FRAMED.replace(ready, ready + answer)
    replica = await lab.start(talks, Abi.FRAMED)
    assert (await replica.ended()).trap == "BROKEN"
    assert (await refusal(replica, b"e")).code == "GUEST_NOT_BEGUN"
