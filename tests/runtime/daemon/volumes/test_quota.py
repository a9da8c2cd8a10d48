"""Quotas: who writes beyond a volume's size is named, once, and nothing is counted that nobody can change."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from runtime.daemon.volumes import Volume
from runtime.daemon.volumes import watch as watch_module
from runtime.daemon.volumes.contents import Contents
from runtime.daemon.volumes.tree import Measured
from runtime.daemon.volumes.watch import Watch
from tests.runtime.daemon.volumes.world import MEBI, World, spec, use


def watching(world: World) -> Watch:
    volumes = world.volumes
    return Watch(volumes._contents, world.clock, volumes._full, volumes._copy_due)


async def look(world: World, watch: Watch) -> None:
    world.clock.pass_by(100)
    await watch.look(tuple(world.volumes._by_id.values()))


async def test_writers_of_a_volume_over_its_size_are_named_once(world: World) -> None:
    volume = await world.volumes.create(spec(size=MEBI, access_mode="read-write-many"))
    (mount,) = await world.volumes.acquire("a", [use()])
    await world.volumes.acquire("b", [use()])
    await world.volumes.acquire("c", [use(read_only=True)])
    watch = watching(world)
    (mount.host / "file").write_bytes(b"x" * (MEBI - 8192))
    await look(world, watch)
    assert (world.full, world.volumes.used(volume)) == ([], MEBI - 8192 + 512)
    (mount.host / "more").write_bytes(b"x" * 8192)
    await look(world, watch)
    await look(world, watch)
    assert world.full == [("a", "data"), ("b", "data")]
    (mount.host / "file").unlink()
    await look(world, watch)
    (mount.host / "file").write_bytes(b"x" * MEBI)
    await look(world, watch)
    assert len(world.full) == 4, "it was within its size meanwhile"


async def test_a_service_that_comes_back_to_a_full_volume_may_run_but_not_add_to_it(world: World) -> None:
    await world.volumes.create(spec(size=MEBI))
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_bytes(b"x" * 2 * MEBI)
    watch = watching(world)
    await look(world, watch)
    world.volumes.release("a")
    await world.at_rest()
    (mount,) = await world.volumes.acquire("a", [use()])
    await look(world, watch)
    assert len(world.full) == 1
    (mount.host / "more").write_bytes(b"x" * 100_000)
    await look(world, watch)
    assert len(world.full) == 2


async def test_a_flood_of_empty_files_and_of_depth_is_seen(world: World) -> None:
    await world.volumes.create(spec(size=100_000))
    (mount,) = await world.volumes.acquire("a", [use()])
    watch = watching(world)
    for number in range(200):
        (mount.host / str(number)).touch()
    await look(world, watch)
    assert world.full == [("a", "data")]
    world.full.clear()
    await world.volumes.create(spec("deep"))
    (mount,) = await world.volumes.acquire("b", [use("deep")])
    mount.host.joinpath(*["d"] * 200).mkdir(parents=True)
    await look(world, watch)
    assert world.full == [("b", "deep")]


async def test_only_volumes_that_somebody_writes_to_are_measured(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("idle", "read", "written"):
        await world.volumes.create(spec(name))
    await world.volumes.acquire("a", [use("read", read_only=True), use("written", "/written")])
    measured: list[str] = []
    real = Contents.measure

    def noted(self: Contents, volume: Volume, enough: int | None = None) -> Measured:
        measured.append(volume.spec.name)
        return real(self, volume, enough)

    monkeypatch.setattr(Contents, "measure", noted)
    await look(world, watching(world))
    assert measured == ["written"]


async def test_a_long_measurement_is_followed_by_a_long_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.volumes.create(spec())
    await world.volumes.acquire("a", [use()])
    times = iter([0.0, 2.0, 100.0, 100.001])
    monkeypatch.setattr("runtime.daemon.volumes.watch.time.perf_counter", lambda: next(times))
    watch, (held,) = watching(world), world.volumes._by_id.values()
    await look(world, watch)
    assert held.scan_at == pytest.approx(world.clock.monotonic() + 40.0)
    world.clock.pass_by(-70)
    await look(world, watch)
    assert held.scan_at > world.clock.monotonic(), "it was not measured again"


async def test_files_that_cannot_be_measured_stop_nobody(world: World) -> None:
    volume = await world.volumes.create(spec())
    await world.volumes.acquire("a", [use()])
    (world.base / volume.id / "data-1").rmdir()
    await look(world, watching(world))
    assert world.full == []


async def test_it_runs_beside_everything_else(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(watch_module, "PERIOD", 0.01)
    await world.volumes.create(spec(size=1_000))
    (mount,) = await world.volumes.acquire("a", [use()])
    running = asyncio.create_task(world.volumes.run())
    (mount.host / "file").write_bytes(b"x" * 5_000)
    async with asyncio.timeout(5):
        while not world.full:
            await asyncio.sleep(0.01)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
