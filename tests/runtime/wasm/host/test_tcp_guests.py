"""Tcp guests: an instance for each connection."""

import asyncio
import os
import time
from collections.abc import Callable

import pytest

from catalog.errors import TargetFailed, Unavailable
from runtime.wasm.host.replica import WorkerReplica
from runtime.wasm.launch import Abi, Pipes
from runtime.wasm.wire import CONNECTIONS_MOST
from tests.runtime.wasm.lab import PATIENCE, Lab
from tests.runtime.wasm.modules_in_wat import FLOOD, SPIN, command

pytestmark = pytest.mark.asyncio(loop_scope="module")

ECHO = command(
    """
  (loop $next
    (i32.store (i32.const 32) (i32.const 4096)) (i32.store (i32.const 36) (i32.const 4096))
    (drop (call $read (i32.const 0) (i32.const 32) (i32.const 1) (i32.const 40)))
    (if (i32.eqz (i32.load (i32.const 40))) (then (return)))
    (if (i32.eq (i32.load8_u (i32.const 4096)) (i32.const 117)) (then unreachable))
    (i32.store (i32.const 36) (i32.load (i32.const 40)))
    (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))
    (br $next))"""
)


async def say(pipes: Pipes, text: bytes) -> bytes:
    await asyncio.to_thread(os.write, pipes.stdin, text)
    return await asyncio.wait_for(asyncio.to_thread(os.read, pipes.stdout, 4096), PATIENCE)


def hang_up(pipes: Pipes) -> None:
    os.close(pipes.stdin)
    os.close(pipes.stdout)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.005)


async def test_each_connection_has_its_own_instance(lab: Lab) -> None:
    replica = await lab.start(ECHO, Abi.TCP)
    one, other = await replica.connect(), await replica.connect()
    assert replica.pending == 2
    assert await say(one, b"from one") == b"from one"
    assert await say(other, b"from other") == b"from other"
    assert await say(one, b"once more") == b"once more"
    os.close(one.stdin)
    assert await asyncio.to_thread(os.read, one.stdout, 1) == b"", "the guest's end is ours"
    os.close(one.stdout)
    await until(lambda: replica.pending == 1)
    assert await say(other, b"still here") == b"still here"
    hang_up(other)
    await until(lambda: replica.pending == 0)
    assert replica.usage().requests == 2
    assert (await replica.stop(1)).good


async def test_a_trap_ends_one_connection_only(lab: Lab) -> None:
    replica = await lab.start(ECHO, Abi.TCP)
    one, other = await replica.connect(), await replica.connect()
    assert await say(one, b"u") == b""
    assert await say(other, b"still well") == b"still well"
    await until(lambda: replica.pending == 1)
    assert replica.usage().traps == 1
    hang_up(one)
    hang_up(other)


async def test_a_guest_that_does_not_notice_its_client_is_gone_is_stopped(lab: Lab) -> None:
    replica = await lab.start(SPIN, Abi.TCP)
    one, other = await replica.connect(), await replica.connect()
    hang_up(one)
    began = time.perf_counter()
    await until(lambda: replica.pending == 1)
    assert time.perf_counter() - began < 6
    hang_up(other)
    assert replica.usage().traps == 1
    await replica.stop(0)


async def test_there_are_only_so_many_connections(lab: Lab) -> None:
    replica = await lab.start(ECHO, Abi.TCP)
    pipes = [await replica.connect() for _ in range(CONNECTIONS_MOST)]
    with pytest.raises(Unavailable) as caught:
        await replica.connect()
    assert caught.value.code == "GUEST_FULL"
    assert await say(pipes[-1], b"the last") == b"the last"
    for each in pipes:
        hang_up(each)
    await until(lambda: replica.pending == 0)
    again = await replica.connect()
    assert await say(again, b"room again") == b"room again"
    hang_up(again)


@pytest.mark.parametrize("module", [SPIN, FLOOD])
async def test_stopping_waits_and_then_stops_all(lab: Lab, module: str) -> None:
    replica = await lab.start(module, Abi.TCP)
    pipes = [await replica.connect() for _ in range(3)]
    began = time.perf_counter()
    await stop_within(replica, 0.1)
    assert time.perf_counter() - began < 1.5
    for each in pipes:
        hang_up(each)
    with pytest.raises(TargetFailed):
        await replica.connect()


async def stop_within(replica: WorkerReplica, grace: float) -> None:
    async with asyncio.timeout(PATIENCE):
        await replica.stop(grace)


async def test_other_guests_take_no_connections(lab: Lab) -> None:
    replica = await lab.start(SPIN, Abi.COMMAND)
    with pytest.raises(TargetFailed):
        await replica.connect()
    await replica.stop(0)
