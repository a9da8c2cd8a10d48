"""The driver `local` on a file system that the test makes: its room, what ails it, and what it holds."""

import asyncio
import hashlib
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from catalog.errors import FabricError, TargetFailed
from runtime.drivers.lanes import LANES
from runtime.drivers.storage import local as local_driver
from tests.modules.asking import ask, opened, ports
from tests.modules.peers.loop_mount import MIB, LoopMount
from tests.modules.storage.storing import Storing, local

PEER = {"driver": "local", "peer": "ext4 in a loop mount"}


@pytest.mark.covers("storage.health", **PEER)
async def test_health_tells_of_the_mount_that_the_folder_lies_on(
    mounted: LoopMount, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", mounted.version)
    (mounted.place / "in").mkdir()
    async with ports() as real:
        found = await ask("storage.health", local(str(mounted.place / "in"), mounts=["/"]), real)
    pool, root = found["pools"]
    assert (pool["pool"], pool["device"], pool["filesystem"]) == (str(mounted.place), mounted.device, "ext4")
    assert 8 * MIB < pool["capacity_bytes"] <= 16 * MIB
    assert (pool["state"], pool["read_only"], pool["errors"], pool["failed_disks"]) == ("ok", False, 0, 0)
    assert root["pool"] == "/"
    assert {key: found[key] for key in ("capacity_bytes", "used_bytes", "free_bytes", "used_percent")} == {
        key: pool[key] for key in ("capacity_bytes", "used_bytes", "free_bytes", "used_percent")
    }
    assert (found["driver"], found["writable"]) == ("local", True)


@pytest.mark.covers("storage.health", **PEER)
async def test_a_mount_that_is_full_read_only_or_broken_is_not_healthy(mounted: LoopMount) -> None:
    target = local(str(mounted.place))
    async with ports() as real:
        assert (await ask("storage.health", target, real))["healthy"]
        mounted.fill(left=100 * 1024)
        full = await ask("storage.health", target, real)
        assert full["used_percent"] > 98
        assert (full["healthy"], full["pools"][0]["state"]) == (False, "ok")
        (mounted.place / "filling").unlink()
        mounted.break_it()
        broken = await ask("storage.health", target, real)
        assert (broken["healthy"], broken["pools"][0]["state"], broken["pools"][0]["errors"]) == (False, "errors", 1)
        mounted.remount("ro")
        closed = await ask("storage.health", target, real)
        assert (closed["healthy"], closed["writable"], closed["pools"][0]["state"]) == (False, False, "read_only")


@pytest.mark.covers("storage.store_blob", **PEER)
async def test_a_blob_is_stored_and_one_that_has_no_room_leaves_nothing_behind(
    mounted: LoopMount, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", mounted.version)
    async with ports() as real:
        storing = Storing(local(str(mounted.place)), real)
        stored = await storing.store("porch/1.jpg", b"picture")
        assert (stored["written"], (mounted.place / "porch/1.jpg").read_bytes()) == (True, b"picture")
        mounted.fill(left=0)
        change, artifact = await storing.plan("porch/2.jpg", os.urandom(MIB))
        with pytest.raises(TargetFailed) as refused:
            await storing.write.apply(change, storing.call(artifact))
        assert refused.value.code == "STORAGE_FAILED"
        assert "No space left" in refused.value.message
        mounted.remount("ro")
        change, artifact = await storing.plan("porch/2.jpg", b"x")
        with pytest.raises(TargetFailed) as closed:
            await storing.write.apply(change, storing.call(artifact))
        assert "Read-only" in closed.value.message
    assert [each.name for each in (mounted.place / "porch").iterdir()] == ["1.jpg"]


def at_the_disk() -> int:
    """How many threads are in the middle of the driver's work now."""
    return sum(
        any(frame.f_code.co_filename == local_driver.__file__ for frame, _ in traceback.walk_stack(top))
        for thread, top in sys._current_frames().items()
        if thread != threading.get_ident()
    )


@pytest.mark.covers("storage.store_blob", **PEER)
async def test_a_disk_that_hangs_costs_its_own_calls_and_a_few_threads(mounted: LoopMount, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = msgspec.structs.replace(local(str(tmp_path / "elsewhere")), id="3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0aff")
    async with ports() as real:
        # An id of its own: its lanes stay taken for a while.
        patient, hung = (
            msgspec.structs.replace(local(str(mounted.place), **settings), id="3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0afe")
            for settings in ({}, {"timeout_seconds": 0.3})
        )
        change, artifact = await Storing(patient, real).plan("x", b"x")
        storing = Storing(hung, real)
        with mounted.frozen():
            for number in range(LANES + 2):
                with pytest.raises(FabricError) as refused:
                    await storing.write.apply(change, storing.call(artifact, f"change-{number}"))
                assert refused.value.code == ("TARGET_TIMEOUT" if number < LANES else "TARGET_BUSY")
                assert (await Storing(other, real).store("x", b"x"))["path"] == "x"
            assert at_the_disk() == LANES
        async with asyncio.timeout(20):
            # What hung was written after all: the answer had been that nobody knows.
            while {each.name for each in mounted.place.iterdir()} != {"lost+found", "x"}:
                await asyncio.sleep(0.01)


@pytest.mark.covers("storage.list_blobs", **PEER)
async def test_blobs_are_listed_page_by_page_in_the_order_of_their_paths(
    mounted: LoopMount, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", mounted.version)
    names = ["a-b", "a/1", "a/b/2", "a/ü", "a0", "b", "ü"]
    for name in names:
        file = mounted.place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    (mounted.place / ".fabric-0123.part").write_text("half")
    (mounted.place / "link").symlink_to("/etc")
    (mounted.place / "a/loop").symlink_to("..")
    os.mkfifo(mounted.place / "pipe")
    (mounted.place / "lost+found").rmdir()
    found: list[dict[str, object]] = []
    cursor = ""
    async with ports() as real:
        target = local(str(mounted.place))
        while True:
            page = await ask("storage.list_blobs", target, real, limit=2, cursor=cursor)
            assert 0 < len(page["blobs"]) <= 2
            found += page["blobs"]
            if page["next"] is None:
                break
            cursor = page["next"]
        below = await ask("storage.list_blobs", target, real, prefix="a/")
        begins = await ask("storage.list_blobs", target, real, prefix="a/b")
    assert [each["path"] for each in found] == sorted(names, key=str.encode)
    assert [each["sha256"] for each in found] == [
        hashlib.sha256(str(each["path"]).encode()).hexdigest() for each in found
    ]
    assert [each["path"] for each in below["blobs"]] == ["a/1", "a/b/2", "a/ü"]
    assert [each["path"] for each in begins["blobs"]] == ["a/b/2"]


async def test_a_long_answer_ends_early_and_goes_on_with_its_cursor(tmp_path: Path) -> None:
    long = "x" * 200
    for number in range(900):
        folder = tmp_path / long / f"{number % 3}{long}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:03}").touch()
    seen, cursor, pages = set(), "", 0
    async with ports() as real:
        while cursor is not None:
            page = await ask("storage.list_blobs", local(str(tmp_path)), real, limit=1000, cursor=cursor)
            assert len(msgspec.json.encode(page)) < 256 * 1024
            seen |= {each["path"] for each in page["blobs"]}
            cursor, pages = page["next"], pages + 1
    assert len(seen) == 900
    assert pages == 3


async def test_what_was_tried_is_told(tmp_path: Path) -> None:
    async with ports() as real:
        good = await opened(local(str(tmp_path)), real).check()
        bad = await opened(local("/nowhere/at/all"), real).check()
    assert [(each.name, each.ok) for each in good] == [("open folder", True), ("write", True)]
    assert [(each.name, each.ok, each.code) for each in bad] == [("open folder", False, "STORAGE_DIRECTORY")]


async def test_an_error_names_the_controller() -> None:
    async with ports() as real:
        with pytest.raises(FabricError) as refused:
            await ask("storage.health", local("/nowhere/at/all"), real)
    assert "Controller `peer`" in refused.value.message


async def test_the_servers_own_data_is_no_storage_whatever_folder_leads_to_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "seal.key").write_text("key")
    (tmp_path / "link").symlink_to(data)
    async with ports() as outside:
        real = msgspec.structs.replace(outside, home=data / "drivers")
        for folder in (data, tmp_path / "link", data / "deeper"):
            with pytest.raises(TargetFailed, match="own data"):
                await ask("storage.list_blobs", local(str(folder)), real)
        above = local(str(tmp_path))
        with pytest.raises(TargetFailed, match="own data"):
            await ask("storage.list_blobs", above, real)
        storage = opened(above, real)
        assert isinstance(storage, local_driver.Local)
        for work in (storage.look("data/seal.key"), storage.write("data/seal.key", b"x", "text/plain", "k", None)):
            with pytest.raises(TargetFailed, match="own data"):
                await work
        assert (await storage.look("beside.txt"))["kind"] == "absent"
    assert (data / "seal.key").read_text() == "key"
