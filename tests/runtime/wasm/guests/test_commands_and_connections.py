"""A command runs to its end; a tcp guest is a fresh instance for each connection."""

import asyncio
import os

import pytest

from runtime.wasm.launch import Pipes
from tests.runtime.wasm.guests.running import Kitchen

pytestmark = pytest.mark.xdist_group("guests")


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("exit", "3"), 3), (("selftest", "--fail"), 1)])
async def test_a_commands_exit_code_is_its_replicas_end(
    kitchen: Kitchen, arguments: tuple[str, ...], code: int
) -> None:
    async with kitchen.guest("once", argv=("once", *arguments), environment={"REGION": "north"}) as guest:
        ended = await guest.replica.ended()
        assert (ended.code, ended.trap) == (code, None)
        printed = (await guest.prints("stdout", "environment")).splitlines()
        assert [f"argument {at + 1}: {each}" for at, each in enumerate(arguments)] == printed[:-1]
        assert printed[-1] == "environment: REGION=north"
        assert "once has started" in await guest.prints("stderr", "started")


async def test_a_command_that_traps_says_so(kitchen: Kitchen) -> None:
    async with kitchen.guest("once", argv=("once", "crash")) as guest:
        ended = await guest.replica.ended()
        assert not ended.good
        assert ended.trap is not None


async def test_a_command_that_stays_prints_as_it_goes_and_is_stopped(kitchen: Kitchen) -> None:
    async with kitchen.guest("once", argv=("once", "stay", "5")) as guest:
        await guest.prints("stdout", "tick 3")
        ended = await guest.replica.stop(0.05)
        assert not ended.good


async def test_connections_are_echoed_side_by_side_and_one_that_traps_ends_alone(kitchen: Kitchen) -> None:
    async with kitchen.guest("echo-tcp") as guest:
        first, second = await guest.replica.connect(), await guest.replica.connect()
        assert await _said(first, b"one") == b"one"
        assert await _said(second, b"two" * 1000) == b"two" * 1000
        assert await _said(first, b"crash") == b""
        assert await _said(second, b"still here") == b"still here"
        assert await _said(second, b"quit") == b""
        _close(first, second)
        third = await guest.replica.connect()
        assert await _said(third, b"again") == b"again"
        _close(third)
        assert "closed" in await guest.prints("stderr", "closed")


async def _said(pipes: Pipes, data: bytes) -> bytes:
    """Write, and read as much again; less at the end of file."""

    def talk() -> bytes:
        os.write(pipes.stdin, data)
        heard = b""
        while len(heard) < len(data) and (piece := os.read(pipes.stdout, 65536)):
            heard += piece
        return heard

    for descriptor in (pipes.stdin, pipes.stdout):
        os.set_blocking(descriptor, True)
    async with asyncio.timeout(10):
        return await asyncio.to_thread(talk)


def _close(*connections: Pipes) -> None:
    for pipes in connections:
        os.close(pipes.stdin)
        os.close(pipes.stdout)
