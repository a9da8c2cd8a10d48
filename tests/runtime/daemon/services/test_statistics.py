"""Statistics: windows, totals over restarts, and that a look back is never far."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.daemon.services.collecting import Collector
from runtime.wasm.launch import Exit
from tests.fakes.daemon_timers import settle
from tests.runtime.daemon.services.house import House, house


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


async def test_cpu_is_that_of_the_last_seconds_and_not_of_a_whole_life(daemon: House) -> None:
    await daemon.made()
    collector = Collector(daemon.services, daemon.clock, daemon.timers, 10.0)
    collector.start()
    await daemon.timers.pass_by(3600)
    assert daemon.services.stats("api").cpu_usage == 0
    for _ in range(10):
        daemon.launcher.made[0].used.cpu_ns += 500_000_000
        await daemon.timers.pass_by(1)
    stats = daemon.services.stats("api")
    assert stats.cpu_usage == pytest.approx(0.5, abs=0.05)
    assert stats.cpu_percentage == pytest.approx(50, abs=5)
    collector.stop()
    assert daemon.timers.waiting == 0


async def test_what_ended_replicas_have_used_stays_in_the_sum(daemon: House) -> None:
    service = await daemon.made(replicas=2, restart={"backoff": "1s"})
    first, second = daemon.launcher.made
    first.used.cpu_ns, first.used.memory, first.used.memory_peak, first.used.traps = 10**9, 100, 900, 2
    second.used.cpu_ns, second.used.memory, second.used.memory_peak = 10**9, 50, 60
    first.end(Exit(code=1, cpu_ns=3 * 10**9))
    await settle()
    total = service.totals.now([second])
    assert (total.cpu_ns, total.memory, total.memory_peak, total.traps) == (4 * 10**9, 50, 900, 2)
    await daemon.timers.pass_by(2)
    assert daemon.services.stats("api").replicas.running == 2


async def test_limits_are_those_of_all_running_replicas_together(daemon: House) -> None:
    await daemon.made(replicas=3, resources={"memory": "64Mi", "cpu": 0.5})
    for replica in daemon.launcher.made:
        replica.used.memory = 16 << 20
    stats = daemon.services.stats("api")
    assert (stats.memory_limit, stats.cpu_limit) == (192 << 20, 1.5)
    assert stats.memory_percentage == 25.0
    assert (stats.replicas.desired, stats.replicas.running, stats.replicas.healthy) == (3, 3, 3)
