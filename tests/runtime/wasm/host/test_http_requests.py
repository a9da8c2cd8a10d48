"""`fabric.http_request`: through the daemon, where it is granted."""

import asyncio
import os
import time

import pytest

from catalog.errors import Forbidden, GuestFailed
from runtime.wasm.launch import Abi
from tests.runtime.wasm.lab import Lab, ask, begin, refusal
from tests.runtime.wasm.modules_in_wat import ASKS, command

pytestmark = pytest.mark.asyncio(loop_scope="module")

EFAULT, EINTR, ENOSPC = -14, -4, -28


def errno(answer: bytes) -> int:
    return int.from_bytes(answer, "little", signed=True)


async def upper(request: bytes) -> bytes:
    await asyncio.sleep(0)
    return request.upper()


async def test_a_guest_gets_what_the_daemon_answers(lab: Lab) -> None:
    replica = await lab.start(ASKS, http_request=True, outgoing=upper)
    answers = await asyncio.gather(*(begin(replica, b"ask %d" % each) for each in range(200)))
    assert answers == [b"ASK %d" % each for each in range(200)]


@pytest.mark.promise("G4", count=1)
async def test_without_the_grant_the_import_is_unknown(lab: Lab) -> None:
    with pytest.raises(GuestFailed, match="unknown import: `fabric::http_request`") as caught:
        await lab.start(ASKS, http_request=False, outgoing=upper)
    assert caught.value.code == "RUNTIME_ERROR"


async def test_addresses_outside_of_memory_and_too_little_room_are_errno(lab: Lab) -> None:
    replica = await lab.start(ASKS, http_request=True, outgoing=upper)
    assert errno(await ask(replica, b"bad address")) == EFAULT
    assert errno(await ask(replica, b"small room")) == ENOSPC
    assert replica.usage().traps == 0


async def test_a_refusal_is_an_answer(lab: Lab) -> None:
    async def refuse(request: bytes) -> bytes:
        await asyncio.sleep(0)
        raise Forbidden("FORBIDDEN", "No.")

    replica = await lab.start(ASKS, http_request=True, outgoing=refuse)
    answer = await ask(replica, b"ask")
    assert answer[1:3] == b"\0\0"
    assert answer.endswith(b"FORBIDDEN")


@pytest.mark.usefixtures("merciful")
async def test_a_guest_that_waits_for_the_outside_is_interrupted_and_lives_on(lab: Lab) -> None:
    never = asyncio.Event()

    async def slow(request: bytes) -> bytes:
        if request == b"slow":
            await never.wait()
        return request

    replica = await lab.start(ASKS, http_request=True, outgoing=slow, limit=0.2)
    pid, began = replica.pid, time.perf_counter()
    waiting, behind = begin(replica, b"slow"), begin(replica, b"quick")
    assert getattr(await waiting, "code", None) == "GUEST_TIMEOUT"
    assert time.perf_counter() - began < 4
    assert await behind == b"quick"
    assert replica.pid == pid
    never.set()
    await asyncio.sleep(0.01)
    assert (
        await ask(replica, b"an answer that comes too late is nobody's") == b"an answer that comes too late is nobody's"
    )


@pytest.mark.usefixtures("merciful")
async def test_a_guest_that_asks_on_after_its_time_is_heard_no_more(lab: Lab) -> None:
    """Without a loop or a call between two questions, wasm code has no place where it could be stopped."""
    asked = 0

    async def never(request: bytes) -> bytes:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return request

    ask_ = "(call $ask (local.get $at) (local.get $n) (i32.const 65536) (i32.const 65536))"
    drops = f"(drop {ask_})" * 20
    replica = await lab.start(
        ASKS.replace("(if (i32.lt_s (local.get $got)", f"{drops} (if (i32.lt_s (local.get $got)"),
        http_request=True,
        outgoing=never,
        limit=0.1,
    )
    pid = replica.pid
    for round_ in range(3):
        assert (await refusal(replica, b"ask")).code == "GUEST_TIMEOUT"
        assert asked == round_ + 1
    assert replica.pid == pid


async def test_refusals_without_end_cost_little(lab: Lab) -> None:
    asked = 0

    async def refuse(request: bytes) -> bytes:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise Forbidden("FORBIDDEN", "No.")

    ask = "(call $ask (local.get $at) (local.get $n) (i32.const 65536) (i32.const 65536))"
    again = f"(loop $l (drop {ask}) (br $l))"
    storm = ASKS.replace("(if (i32.lt_s (local.get $got)", f"{again} (if (i32.lt_s (local.get $got)")
    assert again in storm
    replica = await lab.start(storm, http_request=True, outgoing=refuse, limit=1.0)
    assert (await refusal(replica, b"ask")).code == "GUEST_TIMEOUT"
    assert 300 < asked < 800, "200 at once and 500 a second"


async def test_commands_and_connections_may_ask_too(lab: Lab) -> None:
    asks = command(
        """
  (local $n i32)
  (local.set $n (call $ask (i32.const 64) (i32.const 8) (i32.const 4096) (i32.const 4096)))
  (i32.store (i32.const 32) (i32.const 4096))
  (i32.store (i32.const 36) (local.get $n))
  (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))""",
        imports='(import "fabric" "http_request" (func $ask (param i32 i32 i32 i32) (result i32)))',
    )
    replica = await lab.start(asks, Abi.COMMAND, http_request=True, outgoing=upper)
    assert (await replica.ended()).good
    assert bytes(lab.output["stdout"]).endswith(b"PRINTED\n")
    replica = await lab.start(asks, Abi.TCP, http_request=True, outgoing=upper)
    pipes = [await replica.connect() for _ in range(20)]
    for each in pipes:
        assert await asyncio.to_thread(os.read, each.stdout, 100) == b"PRINTED\n"
        os.close(each.stdin)
        os.close(each.stdout)
