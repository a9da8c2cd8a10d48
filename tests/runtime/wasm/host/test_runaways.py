"""Guests that do their worst, more of them than there are cores: the daemon's loop goes on, and they end in time."""

import asyncio
import os
import time
from pathlib import Path

import psutil
import pytest

from catalog.errors import FabricError, Forbidden, GuestFailed
from runtime.wasm.compile import Compiler
from runtime.wasm.host.replica import WorkerReplica
from runtime.wasm.messages import encode_request
from samples.services.build import HERE
from samples.services.hostile.modules import compile_bomb
from tests.runtime.wasm.compile.test_compiler import put
from tests.runtime.wasm.lab import PATIENCE, Lab, begin, longest_stall
from tests.runtime.wasm.modules_in_wat import ASKS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("guests")]

STALL_MOST = 0.1
"""Seconds that the loop may stand still."""
SECONDS = 2.0
GUESTS = 2 * (os.cpu_count() or 1)
DEADLINE = 0.1
ROUNDS = 20
TRIES = 3
WORST = encode_request(b"GET", b"/worst", [], b"")
HEALTH = encode_request(b"GET", b"/health", [], b"")
REACTORS = ("spin", "recursion", "grow", "sleep", "flood", "storm")
STORM = ASKS.replace(
    "(local.set $got (call $ask (local.get $at) (local.get $n) (i32.const 65536) (i32.const 65536)))",
    "(loop $l (drop (call $ask (local.get $at) (local.get $n) (i32.const 65536) (i32.const 65536))) (br $l))",
)


async def refuse(_: bytes) -> bytes:
    await asyncio.sleep(0)
    raise Forbidden("FORBIDDEN", "No.")


async def start(lab: Lab, name: str, limit: float) -> WorkerReplica:
    """A hostile reactor; `ask` is one that calls the daemon for ever."""
    memory = 64 << 20
    if name == "ask":
        return await lab.start(STORM, http_request=True, outgoing=refuse, limit=limit, memory=memory)
    wasm = await asyncio.to_thread((HERE / "hostile" / f"{name}.wasm").read_bytes)
    return await lab.start(wasm, limit=limit, memory=memory)


async def keep_at_it(lab: Lab, name: str, until: float) -> int:
    """Ask for the worst again and again, from another replica where one has been killed. How often?"""
    times, replica = 0, await start(lab, name, limit=1.0)
    while time.perf_counter() < until:
        times += 1
        answer = await begin(replica, WORST)
        if isinstance(answer, FabricError) and answer.code in {"GUEST_GONE", "GUEST_NOT_BEGUN", "GUEST_TIMEOUT"}:
            replica.kill()
            await replica.ended()
            replica = await start(lab, name, limit=1.0)
    replica.kill()
    await replica.ended()
    return times


async def never_ready(lab: Lab, until: float) -> int:
    """Launch what does not become ready, again and again."""
    times = 0
    wasm = await asyncio.to_thread((HERE / "hostile" / "start-loop.wasm").read_bytes)
    while time.perf_counter() < until:
        times += 1
        with pytest.raises(GuestFailed, match="not ready in time"):
            await lab.start(wasm, start_time=0.5)
    return times


async def compile_bombs(folder: Path, at: int, until: float) -> int:
    """Compile what takes minutes, again and again."""
    times = 0
    while time.perf_counter() < until:
        times += 1
        path, digest = await asyncio.to_thread(put, folder, compile_bomb(functions=1 + at))
        with pytest.raises(GuestFailed, match="longer than"):
            await Compiler(folder / "cache", wall_seconds=1.0).compile(path, digest)
    return times


async def do_the_worst(lab: Lab, name: str, folder: Path, at: int, until: float) -> int:
    """Until then, as this guest does it. How often?"""
    if name == "start-loop":
        return await never_ready(lab, until)
    if name == "compile-bomb":
        return await compile_bombs(folder, at, until)
    return await keep_at_it(lab, name, until)


@pytest.mark.promise("G1", count=len(REACTORS) + 3)
@pytest.mark.promise("G3", count=len(REACTORS) + 3)
@pytest.mark.parametrize("name", [*REACTORS, "ask", "start-loop", "compile-bomb"])
async def test_runaways_do_not_stall_the_loop_nor_grow_the_daemon(lab: Lab, tmp_path: Path, name: str) -> None:
    """What guests do to the loop they do each time; what others do on this machine now and then is tried again."""
    (await start(lab, name if name in REACTORS else "spin", 1.0)).kill()  # the zygote runs, all is compiled
    lab.keeps_output = False
    before = psutil.Process().memory_info().rss
    for _ in range(TRIES):
        until = time.perf_counter() + SECONDS
        stall, *times = await asyncio.gather(
            longest_stall(SECONDS), *(do_the_worst(lab, name, tmp_path, at, until) for at in range(GUESTS))
        )
        assert all(times)
        if stall < STALL_MOST:
            break
    assert stall < STALL_MOST
    assert psutil.Process().memory_info().rss - before < 16 * 1024 * 1024


@pytest.mark.promise("G2", count=ROUNDS * 8)
@pytest.mark.parametrize("name", [*REACTORS, "ask", "start-loop"])
async def test_a_runaway_ends_within_its_deadline(lab: Lab, name: str) -> None:
    """Each of twenty times: within the deadline and 250 ms it has ended, or answers another request."""
    lab.keeps_output = False
    together = 1 if name == "start-loop" else 4  # its time is that of a launch, forks and all
    for _ in range(ROUNDS // together):
        for _ in range(TRIES):
            took = max(await asyncio.gather(*(end_in_time(lab, name) for _ in range(together))))
            if took < DEADLINE + 0.25:
                break
        assert took < DEADLINE + 0.25


async def end_in_time(lab: Lab, name: str) -> float:
    """Seconds from the request, or the launch, to its end."""
    if name == "start-loop":
        wasm = await asyncio.to_thread((HERE / "hostile" / "start-loop.wasm").read_bytes)
        await lab.compile(wasm)
        began = time.perf_counter()
        with pytest.raises(GuestFailed, match="not ready in time"):
            await lab.start(wasm, start_time=DEADLINE)
        return time.perf_counter() - began
    replica = await start(lab, name, limit=DEADLINE)
    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE):
        error = await begin(replica, WORST)
    took = time.perf_counter() - began
    assert isinstance(error, FabricError), name
    assert error.code in {"GUEST_TIMEOUT", "GUEST_TRAPPED"}
    if name != "ask":
        again = await begin(replica, HEALTH)
        assert isinstance(again, bytes) or replica.usage().requests < 2
        if not isinstance(again, bytes):
            assert (await replica.ended()).trap == "TIMEOUT", "it was killed"
    replica.kill()
    await replica.ended()
    return took
