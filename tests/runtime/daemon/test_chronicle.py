"""The chronicle: samples and health histories, over restarts and within their time."""

from pathlib import Path

import pytest

from catalog.errors import Unavailable
from runtime.daemon import chronicle
from runtime.daemon.chronicle import Chronicle, Sample
from runtime.daemon.health.history import KEPT, History, Probe
from runtime.state import StateStore
from tests.fakes.daemon_clock import DaemonClock

HOUR = 3600 * 10**9


class Histories:
    """The monitor, as far as the chronicle knows it."""

    def __init__(self) -> None:
        self.of: dict[str, History] = {}

    def known(self) -> list[str]:
        """Services."""
        return list(self.of)

    def kept(self, service_id: str) -> list[Probe]:
        """Its probes."""
        return self.of[service_id].all() if service_id in self.of else []

    def take_up(self, service_id: str, probes: list[Probe]) -> None:
        """Earlier ones."""
        self.of.setdefault(service_id, History()).put_back(probes)


def probe(number: int) -> Probe:
    return Probe(time_ns=number, instance="api-a1b2c3-0", status="healthy", response_time=0.001)


class House:
    """A chronicle on a real store, with a clock that stands still until it is moved."""

    def __init__(self, folder: Path, clock: DaemonClock) -> None:
        self.clock = clock
        self.state = StateStore(folder / "state.sqlite")
        self.monitor = Histories()
        self.requests = 0
        self.chronicle = Chronicle(
            self.state,
            clock,
            self.monitor,  # type: ignore[arg-type]  # as much of it as is asked for
            self.sample,
            interval=0.01,
            retention=2 * 3600.0,
        )

    def sample(self) -> Sample:
        """One, a number higher than the last."""
        self.requests += 1
        return Sample(time_ns=self.clock.now_ns(), memory=1, cpu=0.5, running=1, requests=self.requests)

    async def open(self, *services: str) -> "House":
        """Take up what is there."""
        await self.state.open()
        self.chronicle.load(lambda service_id: service_id in services)
        return self

    async def close(self) -> None:
        """As the daemon does at its end."""
        await self.chronicle.close()
        await self.state.close()


@pytest.fixture
def clock() -> DaemonClock:
    return DaemonClock()


async def test_samples_are_there_after_a_restart_newest_first(tmp_path: Path, clock: DaemonClock) -> None:
    house = await House(tmp_path, clock).open()
    for _ in range(5):
        house.chronicle._samples.append(house.sample())
        clock.pass_by(1200)
    await house.close()
    again = await House(tmp_path, clock).open()
    found, total = again.chronicle.history(limit=2)
    assert ([each.requests for each in found], total) == ([5, 4], 5)
    middle = found[1].time_ns
    assert again.chronicle.history(since_ns=middle)[1] == 1
    assert again.chronicle.history(until_ns=middle)[1] == 4
    await again.close()


async def test_what_is_over_its_time_is_neither_shown_nor_kept(tmp_path: Path, clock: DaemonClock) -> None:
    house = await House(tmp_path, clock).open()
    house.chronicle._samples.append(house.sample())
    await house.chronicle.write()
    clock.pass_by(4 * 3600)
    assert house.chronicle.history() == ([], 0)
    await house.chronicle.write()
    assert house.state.load(chronicle.SAMPLES) == []
    await house.close()


async def test_another_interval_and_retention_hold_at_once(tmp_path: Path, clock: DaemonClock) -> None:
    import asyncio

    house = await House(tmp_path, clock).open()
    task = asyncio.create_task(house.chronicle.run())
    while house.requests < 3:
        await asyncio.sleep(0.005)
    house.chronicle.interval, house.chronicle.retention = 3600.0, 0.0
    clock.pass_by(1)
    assert house.chronicle.history() == ([], 0)
    await asyncio.sleep(0.03)
    taken = house.requests
    await asyncio.sleep(0.05)
    assert house.requests == taken
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await house.close()


async def test_health_histories_are_there_after_a_restart(tmp_path: Path, clock: DaemonClock) -> None:
    house = await House(tmp_path, clock).open()
    for service in ("api", "gone"):
        house.monitor.of[service] = History()
        for number in range(1, chronicle.PROBES_KEPT + 50):
            house.monitor.of[service].add(probe(number))
    await house.close()
    again = await House(tmp_path, clock).open("api")
    again.monitor.of["api"].add(probe(1000))
    kept = again.monitor.kept("api")
    assert len(kept) == chronicle.PROBES_KEPT + 1
    assert [each.time_ns for each in kept[-2:]] == [chronicle.PROBES_KEPT + 49, 1000]
    assert again.monitor.of["api"].good == 1, "what an earlier start counted is not counted again"
    assert again.monitor.kept("gone") == []
    await again.chronicle.write()
    assert len(again.state.load(chronicle.HEALTH)) == 1, "nothing is kept of a service that is gone"
    await again.close()


async def test_a_state_that_takes_nothing_is_tried_again(
    tmp_path: Path, clock: DaemonClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await House(tmp_path, clock).open()
    house.chronicle._samples.append(house.sample())

    async def full(*_: object, **__: object) -> None:
        raise Unavailable("STATE_UNAVAILABLE", "The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(house.state, "put_many", full)
        await house.chronicle.write()
    assert house.state.load(chronicle.SAMPLES) == []
    await house.chronicle.write()
    assert len(house.state.load(chronicle.SAMPLES)) == 1
    await house.close()


def test_what_is_put_back_takes_no_place_of_what_is_new() -> None:
    history = History()
    for number in range(KEPT):
        history.add(probe(10_000 + number))
    history.put_back([probe(1)])
    assert len(history.all()) == KEPT
    assert history.all()[0].time_ns == 10_000
