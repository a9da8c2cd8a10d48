"""The scaler at work on services whose replicas a test loads."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.daemon.scaling import Scaler, ScalingDefaults
from runtime.wasm.messages import encode_request
from tests.fakes.daemon_timers import settle
from tests.runtime.daemon.services.house import House, house


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


@pytest.fixture
async def scaler(daemon: House) -> AsyncIterator[Scaler]:
    made = Scaler(daemon.services, daemon.clock, daemon.timers, ScalingDefaults())
    made.start()
    yield made
    await made.stop()


async def _pass(daemon: House, scaler: Scaler, seconds: float, cores: float) -> None:
    """Time passes while every replica uses so many cores."""
    for _ in range(round(seconds / 10)):
        for replica in daemon.launcher.alive:
            replica.used.cpu_ns += round(cores * 10 * 1e9)
        await daemon.timers.pass_by(10)
        await scaler.idle()
        await settle()


async def test_cpu_over_the_threshold_brings_more_replicas_and_their_leaving_takes_its_time(
    daemon: House, scaler: Scaler
) -> None:
    service = await daemon.made(replicas={"min": 1, "max": 4}, resources={"cpu": 0.5})
    await _pass(daemon, scaler, 70, cores=0.5)
    assert service.counts.healthy == 2
    assert daemon.last("service.scaled") == {
        "name": "api", "previous_replicas": 1, "new_replicas": 2, "cause": "cpu",
    }  # fmt: skip
    await _pass(daemon, scaler, 280, cores=0.5)
    assert service.counts.healthy == 4
    await _pass(daemon, scaler, 110, cores=0.0)
    assert service.counts.healthy == 4
    await _pass(daemon, scaler, 60, cores=0.0)
    assert service.counts.healthy == 1
    assert daemon.types().count("service.scaled") <= 5


async def test_requests_that_wait_bring_more_replicas(daemon: House, scaler: Scaler) -> None:
    service = await daemon.made(replicas={"min": 1, "max": 3, "in_flight_threshold": 4})
    request = encode_request(b"GET", b"/", [], b"")
    await daemon.timers.pass_by(31)
    for _ in range(30):
        for _ in range(10 - service.route.in_flight - len(service.route.waiting)):
            service.route.forward(request, lambda _: None)
        await daemon.timers.pass_by(1)
    await scaler.idle()
    assert service.counts.desired == 3
    assert daemon.last("service.scaled")["cause"] == "in_flight"


async def test_a_service_without_bounds_is_left_alone(daemon: House, scaler: Scaler) -> None:
    await daemon.made()
    await _pass(daemon, scaler, 200, cores=1.0)
    assert daemon.services.get("api").counts.desired == 1


async def test_what_the_daemon_cannot_spend_is_not_granted_to_the_scaler(daemon: House, scaler: Scaler) -> None:
    daemon.limits.max_cpu_total = 1.0
    service = await daemon.made(replicas={"min": 1, "max": 4}, resources={"cpu": 0.5})
    await _pass(daemon, scaler, 400, cores=0.5)
    assert service.counts.desired == 2
