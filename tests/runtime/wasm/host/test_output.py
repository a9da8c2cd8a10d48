"""What guests print, however much."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from runtime.wasm.host.allowance import Allowance
from runtime.wasm.host.output_pipe import BURST, RATE
from runtime.wasm.launch import Abi
from tests.runtime.wasm.lab import Lab, ask, machine_noise
from tests.runtime.wasm.modules_in_wat import FLOOD, REACTOR, command

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.promise("G3", count=1)
async def test_a_flood_is_held_back_and_costs_no_memory(lab: Lab) -> None:
    lab.output["stdout"].clear()
    got = 0

    def count(stream: str, piece: bytes) -> None:
        nonlocal got
        assert len(piece) <= 65536
        got += len(piece)

    compiled = await lab.compile(FLOOD.replace("(i32.const 36) (i32.const 8)", "(i32.const 36) (i32.const 32768)"))
    from runtime.wasm.launch import Launch

    launch = Launch(service="flood", instance="1", abi=Abi.COMMAND, compiled=compiled.path)
    noise = await machine_noise()
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    replicas = [await lab.launcher.launch(launch, output=count, outgoing=None, timeout=5) for _ in range(4)]
    quiet = await lab.start(REACTOR)
    worst = 0.0
    end = time.perf_counter() + 1.0
    while time.perf_counter() < end:
        began = time.perf_counter()
        assert await ask(quiet, b"e") == b"e"
        worst = max(worst, time.perf_counter() - began)
    assert psutil.Process().memory_info().rss - before < 16 * 1024 * 1024
    assert got < 4 * (BURST + RATE * (time.perf_counter() - started) + 65536)
    assert worst < 0.25 + noise, "other guests are answered meanwhile"
    for each in replicas:
        await each.stop(0)


async def test_what_was_printed_before_the_end_is_not_lost(lab: Lab) -> None:
    lab.output["stdout"].clear()
    text = command(
        """(local $n i32) (loop $l (call $print (i32.const 1)) (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $n) (i32.const 5000)))) unreachable"""
    )
    replica = await lab.start(text, Abi.COMMAND)
    assert (await replica.ended()).trap == "UNREACHABLE"
    assert bytes(lab.output["stdout"]) == b"printed\n" * 5000


async def test_an_allowance_fills_up_with_time() -> None:
    now = 0.0
    allowance = Allowance(lambda: now, rate=10, burst=5)
    assert allowance.take(5) == 0
    assert allowance.take(1) == pytest.approx(0.1)
    assert allowance.take(10) == pytest.approx(1.1)
    now = 1.1
    assert allowance.take(0) == pytest.approx(0)
    now = 100.0
    assert allowance.take(5) == 0
    assert allowance.take(5) == pytest.approx(0.5)


async def test_no_descriptor_is_left_open(lab: Lab) -> None:
    await (await lab.start(REACTOR)).stop(1)
    await asyncio.sleep(0)
    before = len(open_files())
    for abi in (Abi.REACTOR, Abi.COMMAND):
        replica = await lab.start(REACTOR if abi is Abi.REACTOR else FLOOD, abi)
        await replica.stop(0)
    await asyncio.sleep(0.01)
    assert len(open_files()) == before


def open_files() -> list[Path]:
    return list(Path("/proc/self/fd").iterdir())
