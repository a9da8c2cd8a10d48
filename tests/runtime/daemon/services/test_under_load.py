"""Services with real guests that change while requests come: none of them is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from runtime.daemon.spec import VolumeSpec
from tests.runtime.daemon.house import House, fetch, free_port, house, short_folder


@pytest.fixture
async def daemon() -> AsyncIterator[House]:
    with short_folder() as folder:
        async with house(folder) as made:
            yield made


class Load:
    """Requests, one after the other on a few connections, until it is told to stop."""

    def __init__(self, port: int) -> None:
        self.statuses: list[int] = []
        self._stop = False
        self._tasks = [asyncio.create_task(self._ask(port)) for _ in range(6)]

    async def _ask(self, port: int) -> None:
        while not self._stop:
            self.statuses.append((await fetch(port, "/sleep?ms=2")).status)

    async def stop(self) -> list[int]:
        """The statuses of all answers."""
        self._stop = True
        await asyncio.gather(*self._tasks)
        return self.statuses


async def test_changes_restarts_and_scaling_lose_no_request(daemon: House) -> None:
    service = await daemon.service("hello", ports=[free_port()], replicas=2)
    await daemon.daemon.ports.idle()
    load = Load(service.spec.ports[0].host)
    services = daemon.daemon.services
    for number in range(2):
        await services.patch("hello", {"environment": {"N": str(number)}})
        await daemon.settled("hello")
        assert await services.restart("hello", timeout=5) == 2
        await services.scale("hello", 4)
        await daemon.settled("hello")
        await services.scale("hello", 2)
        await daemon.settled("hello")
        while len(service.slots) > 2:
            await asyncio.sleep(0.01)
    statuses = await load.stop()
    assert len(statuses) > 50
    assert set(statuses) == {200}
    assert {each.revision for each in service.instances} == {3}


async def test_a_replica_that_is_killed_loses_no_more_than_the_request_it_was_at(daemon: House) -> None:
    service = await daemon.service("hello", ports=[free_port()], replicas=2, restart={"backoff": "50ms"})
    await daemon.daemon.ports.idle()
    load = Load(service.spec.ports[0].host)
    for _ in range(3):
        await asyncio.sleep(0.2)
        victim = next(slot.replica for slot in service.slots if slot.replica is not None)
        victim.kill()
        await victim.ended()
        await daemon.settled("hello")
    statuses = await load.stop()
    assert set(statuses) <= {200, 502}
    assert statuses.count(502) <= 3


async def test_load_brings_replicas_and_quiet_takes_them_away() -> None:
    with short_folder() as folder:
        async with house(
            folder,
            scaling__evaluation_interval="200ms",
            scaling__scale_up_cooldown="200ms",
            scaling__scale_down_cooldown="200ms",
            scaling__cpu_stabilization_window="400ms",
        ) as daemon:
            bounds = {"min": 1, "max": 3, "in_flight_threshold": 1.5}
            service = await daemon.service("hello", ports=[free_port()], replicas=bounds)
            await daemon.daemon.ports.idle()
            load = Load(service.spec.ports[0].host)
            async with asyncio.timeout(15):
                await service.until(lambda: service.counts.healthy == 3)
            await load.stop()
            async with asyncio.timeout(15):
                await service.until(lambda: service.counts.running == 1)
            assert set(load.statuses) == {200}
            scaled = [each.data["cause"] for each in daemon.daemon.events.history(["service.scaled"])[0]]
            assert set(scaled) <= {"in_flight", "cpu"}


async def test_a_volume_over_its_size_stops_its_writer_and_says_so(daemon: House) -> None:
    await daemon.daemon.volumes.create(VolumeSpec(name="small", size=100_000))
    service = await daemon.service("hello", ports=[free_port()], volumes=["small:/data"])
    await daemon.daemon.ports.idle()
    port = service.spec.ports[0].host
    for name in ("a", "b"):
        assert (await fetch(port, f"/file?name={name}", method="POST", body=bytes(80_000))).status == 200
    async with asyncio.timeout(10):
        await service.until(lambda: service.state == "failed")
    assert "small" in str(service.reason)
    assert "service.failed" in daemon.events()
