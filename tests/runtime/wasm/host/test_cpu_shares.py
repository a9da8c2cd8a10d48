"""CPU shares, and CPU time as it is told."""

import asyncio
import time

import pytest

from runtime.wasm.host.replica import WorkerReplica
from runtime.wasm.launch import Abi
from tests.runtime.wasm.lab import Lab, ask, begin
from tests.runtime.wasm.modules_in_wat import REACTOR, SPIN

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def cores(replica: WorkerReplica, seconds: float) -> float:
    """CPU used in this time, in cores."""
    began, used = time.perf_counter(), replica.usage().cpu_ns
    await asyncio.sleep(seconds)
    return (replica.usage().cpu_ns - used) / 1e9 / (time.perf_counter() - began)


@pytest.mark.parametrize("share", [0.1, 0.3])
async def test_a_share_is_held(lab: Lab, share: float) -> None:
    replica = await lab.start(SPIN, Abi.COMMAND, cpu=share)
    await asyncio.sleep(0.1)
    assert share * 0.1 < await cores(replica, 1.0) < share * 1.25, "less only because others want the cores, too"
    await replica.stop(0)


@pytest.mark.usefixtures("merciful")
async def test_requests_of_a_guest_with_a_share_are_answered_and_their_time_counts(lab: Lab) -> None:
    replica = await lab.start(REACTOR, cpu=0.1, limit=0.5)
    began = time.perf_counter()
    looping, behind = begin(replica, b"l"), begin(replica, b"e")
    assert getattr(await looping, "code", None) == "GUEST_TIMEOUT", "interrupted, not killed, though it stood still"
    assert time.perf_counter() - began < 2
    assert await behind == b"e"
    answers = await asyncio.gather(*(begin(replica, b"e") for _ in range(500)))
    assert answers == [b"e"] * 500
    assert (await replica.stop(1)).good


async def test_an_idle_worker_with_a_share_does_not_stand_still(lab: Lab) -> None:
    replica = await lab.start(REACTOR, cpu=0.05)
    for _ in range(30):
        await ask(replica, b"e" * 200_000)
        await asyncio.sleep(0.002)
    began = time.perf_counter()
    await asyncio.sleep(0.3)
    await ask(replica, b"e")
    assert time.perf_counter() - began < 1.5
    await replica.stop(1)
