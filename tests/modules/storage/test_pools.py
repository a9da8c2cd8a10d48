"""What the watch of pools tells: a file system that fills up or breaks, a bucket that nears its quota."""

from collections.abc import Callable

import msgspec
import pytest

from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.storage.face import Pool
from runtime.drivers.storage.settings import LocalSettings
from runtime.pollers.pools import PoolPoll, Told, compare
from tests.modules.asking import ask, controller, ports
from tests.modules.looking import Looks
from tests.modules.peers.btrfs_pair import BtrfsPair
from tests.modules.peers.loop_mount import LoopMount
from tests.modules.storage.storing import Storing, local


async def test_a_file_system_that_fills_up_is_told_of_once_and_again_after_it_was_roomy(mounted: LoopMount) -> None:
    filling = mounted.place / "filling"
    target = local(str(mounted.place), warn_percent=60, clear_percent=40)
    async with ports() as real:
        looks = Looks(PoolPoll(), target, real)
        assert await looks.once() == []
        room = mounted.room()
        mounted.fill(left=int(room * 0.30))
        ((kind, payload),) = await looks.once()
        assert kind == "storage.capacity.warning"
        assert payload["pool"] == str(mounted.place)
        assert 60 < payload["used_percent"] < 80
        assert payload["threshold_percent"] == 60
        assert 0 < payload["used_bytes"] < payload["capacity_bytes"]
        assert await looks.once() == []
        for left, told in ((0.5, 0), (0.2, 0), (0.7, 0), (0.3, 1)):
            filling.unlink()
            mounted.fill(left=int(room * left))
            assert len(await looks.once()) == told


async def test_a_file_system_that_breaks_or_closes_is_told_of_once_for_each(mounted: LoopMount) -> None:
    async with ports() as real:
        looks = Looks(PoolPoll(), local(str(mounted.place)), real)
        assert await looks.once() == []
        mounted.break_it()
        mounted.break_it()
        ((kind, payload),) = await looks.once()
        assert (kind, payload["state"], payload["failed_disks"]) == ("storage.pool.degraded", "errors", 0)
        assert await looks.once() == []
        mounted.remount("ro")
        ((kind, payload),) = await looks.once()
        assert (kind, payload["state"]) == ("storage.pool.degraded", "read_only")
        assert await looks.once() == []
        mounted.remount("rw")
        ((_, payload),) = await looks.once()
        assert payload["state"] == "errors"


@pytest.mark.covers("storage.health", driver="local", peer="btrfs over two disks")
async def test_an_array_that_loses_a_disk_is_told_of(
    pair: BtrfsPair, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", pair.version)
    target = local("/", mounts=[str(pair.place)])
    async with ports() as real:
        looks = Looks(PoolPoll(), target, real)
        told_of_root = len(await looks.once())
        pair.lose_one()
        ((kind, payload),) = await looks.once()
        assert (kind, payload["pool"]) == ("storage.pool.degraded", str(pair.place))
        assert (payload["state"], payload["failed_disks"]) == ("degraded", 1)
        assert await looks.once() == []
        health = await ask("storage.health", target, real)
    assert told_of_root <= 1
    assert (health["healthy"], health["pools"][1]["filesystem"]) == (False, "btrfs")


async def test_a_bucket_that_nears_its_quota_is_told_of(shelf: Target) -> None:
    target = msgspec.structs.replace(shelf, settings={**shelf.settings, "quota_bytes": 1000})
    async with ports() as real:
        looks = Looks(PoolPoll(), target, real)
        assert await looks.once() == []
        await Storing(target, real).store("x", bytes(950))
        ((kind, payload),) = await looks.once()
    assert kind == "storage.capacity.warning"
    assert (payload["pool"], payload["used_percent"], payload["capacity_bytes"]) == (
        target.settings["bucket"],
        95.0,
        1000,
    )


def test_a_pool_that_loses_a_disk_is_degraded_until_it_has_it_again() -> None:
    pool = Pool(pool="/srv", used_bytes=1, failed_disks=1, state="degraded")
    sound = msgspec.structs.replace(pool, failed_disks=0, state="ok")
    settings, target = LocalSettings(directory="/srv"), local("/srv")
    known, told = compare({}, [pool], settings, target)
    assert [(each.type, each.payload["failed_disks"]) for each in told] == [("storage.pool.degraded", 1)]
    assert compare(known, [pool], settings, target)[1] == []
    known, told = compare(known, [sound], settings, target)
    assert (known, told) == ({"/srv": Told()}, [])
    assert len(compare(known, [pool], settings, target)[1]) == 1


@pytest.mark.parametrize(
    ("driver", "settings", "every"),
    [
        ("local", {"directory": "/srv"}, 60.0),
        ("local", {"directory": "/srv", "poll_seconds": 7}, 7.0),
        ("local", {"directory": "/srv", "poll_seconds": 0}, None),
        ("local", {"directory": 7}, None),
        ("local", {}, None),
        ("s3", {"address": "http://nas", "bucket": "shelf", "quota_bytes": 10}, 300.0),
        ("s3", {"address": "http://nas", "bucket": "shelf"}, None),
        ("nobody", {}, None),
    ],
)
def test_only_what_has_bounds_or_a_state_is_watched(
    driver: str, settings: dict[str, Json], every: float | None
) -> None:
    rhythm = PoolPoll().rhythm(controller(driver, settings))
    assert (None if rhythm is None else rhythm.every) == every
