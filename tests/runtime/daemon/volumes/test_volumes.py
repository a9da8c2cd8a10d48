"""Volumes: made, found, shared by their access modes, kept over restarts, removed."""

import asyncio
import os
from pathlib import Path

import pytest

from catalog.errors import Conflict, Invalid, NotFound, Unavailable
from runtime.daemon.volumes import Volumes
from tests.runtime.daemon.volumes.world import World, spec, use


async def test_a_volume_is_made_and_said(world: World) -> None:
    volume = await world.volumes.create(spec("postgres-data"))
    assert volume.id.startswith("volume-")
    assert len(volume.id) == len("volume-p1q2r3")
    assert world.volumes.get(volume.id) == world.volumes.get("postgres-data") == volume
    assert world.volumes.list() == [volume]
    (event,) = world.events.history()[0]
    assert (event.type, event.data) == ("volume.created", {"id": volume.id, "name": "postgres-data"})


async def test_a_name_is_taken_once_and_is_no_path(world: World) -> None:
    volume = await world.volumes.create(spec("data"))
    for taken in ("data", volume.id):
        with pytest.raises(Conflict) as refused:
            await world.volumes.create(spec(taken))
        assert refused.value.code == "INVALID_STATE"
    for hostile in ("", "..", "../x", "a/b", "/etc", "A", "a\0", "-a", "a" * 64, "é", "a\n"):
        with pytest.raises(Invalid):
            await world.volumes.create(spec(hostile))
    assert len([*world.base.iterdir()]) == 1


async def test_a_name_is_not_taken_by_two_who_ask_at_once(world: World) -> None:
    results = await asyncio.gather(*[world.volumes.create(spec()) for _ in range(5)], return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in results) == 4


async def test_one_that_there_is_not_is_told_with_the_nearest(world: World) -> None:
    await world.volumes.create(spec("orders"))
    with pytest.raises(NotFound) as refused:
        world.volumes.get("order")
    assert refused.value.code == "VOLUME_NOT_FOUND"
    assert refused.value.hint == "Did you mean `orders`?"
    assert refused.value.details["available_volumes"] == ["orders"]
    assert world.volumes.find("order") is None


async def test_files_and_volumes_are_there_after_a_restart(world: World) -> None:
    volume = await world.volumes.create(spec())
    (mount,) = await world.volumes.acquire("a", [use()])
    assert (mount.guest, mount.writable) == ("/data", True)
    (mount.host / "file").write_text("kept")
    for clean in (True, False):
        if clean:
            world.volumes.release("a")
            await world.end()
        again = await world.begin()
        assert again.get("data").id == volume.id
        assert again.mounted_by(again.get("data")) == []
        (mount,) = await again.acquire("a", [use()])
        assert (mount.host / "file").read_text() == "kept"
        await world.at_rest()
        assert again.used(again.get("data")) == 4096 + 512


async def test_a_volume_that_is_written_once_has_one_writing_service(world: World) -> None:
    await world.volumes.create(spec())
    await world.volumes.acquire("a", [use()])
    await world.volumes.acquire("a", [use(target="/again")])
    with pytest.raises(Conflict, match="service `a` has it") as refused:
        await world.volumes.acquire("b", [use()])
    assert refused.value.code == "INVALID_STATE"
    (mount,) = await world.volumes.acquire("b", [use(read_only=True)])
    assert not mount.writable
    world.volumes.release("a")
    assert (await world.volumes.acquire("b", [use()]))[0].writable


async def test_a_volume_that_many_read_is_never_writable(world: World) -> None:
    await world.volumes.create(spec(access_mode="read-only-many"))
    mounts = [(await world.volumes.acquire(service, [use()]))[0] for service in "abc"]
    assert not any(each.writable for each in mounts)


async def test_a_volume_that_many_write_has_many_writers(world: World) -> None:
    volume = await world.volumes.create(spec(access_mode="read-write-many"))
    mounts = [(await world.volumes.acquire(service, [use()]))[0] for service in "abc"]
    assert all(each.writable for each in mounts)
    points = world.volumes.mounted_by(volume)
    assert [(each.service_id, each.target) for each in points] == [("a", "/data"), ("b", "/data"), ("c", "/data")]


async def test_nothing_is_mounted_where_one_volume_cannot_be(world: World) -> None:
    free, taken = await world.volumes.create(spec("free")), await world.volumes.create(spec("taken"))
    await world.volumes.acquire("a", [use("taken")])
    with pytest.raises(Conflict):
        await world.volumes.acquire("b", [use("free"), use("taken")])
    assert world.volumes.mounted_by(free) == []
    assert len(world.volumes.mounted_by(taken)) == 1


async def test_a_volume_that_there_is_not_gives_no_mount(world: World) -> None:
    await world.volumes.create(spec())
    (mount,) = await world.volumes.acquire("a", [use("later", "/later"), use()])
    assert mount.guest == "/data"


async def test_a_release_can_keep_what_a_new_revision_uses(world: World) -> None:
    one, two = await world.volumes.create(spec("one")), await world.volumes.create(spec("two"))
    await world.volumes.acquire("a", [use("one"), use("two", "/two")])
    world.volumes.release("a", keep=[use("two", "/two")])
    assert (len(world.volumes.mounted_by(one)), len(world.volumes.mounted_by(two))) == (0, 1)
    world.volumes.release("a")
    world.volumes.release("nobody")
    assert world.volumes.mounted_by(two) == []


async def test_an_ephemeral_volume_is_empty_for_whoever_gets_it(world: World) -> None:
    volume = await world.volumes.create(spec(type="ephemeral", access_mode="read-write-many"))
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_text("x")
    (other,) = await world.volumes.acquire("b", [use()])
    assert (other.host / "file").exists(), "it is shared while somebody has it"
    world.volumes.release("a")
    world.volumes.release("b")
    (mount,) = await world.volumes.acquire("a", [use()])
    assert [*mount.host.iterdir()] == [], "even if it is taken before it was emptied"
    (mount.host / "file").write_text("x")
    world.volumes.release("a")
    await world.at_rest()
    assert world.plain_files() == []
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_text("x")
    crashed = await world.begin()
    assert crashed.used(crashed.get(volume.id)) == 0
    assert [*(await crashed.acquire("a", [use()]))[0].host.iterdir()] == []


async def test_a_volume_in_use_is_removed_only_by_force(world: World) -> None:
    volume = await world.volumes.create(spec())
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_text("x")
    with pytest.raises(Conflict, match="in use by `a`") as refused:
        await world.volumes.delete("data")
    assert (refused.value.code, refused.value.details["mounted_by"]) == ("INVALID_STATE", ["a"])
    assert await world.volumes.delete(volume.id, force=True)
    world.volumes.release("a")
    assert world.volumes.list() == [] == [*world.base.iterdir()]
    assert (await world.begin()).list() == []
    assert (await world.volumes.create(spec())).id != volume.id


async def test_a_deletion_that_a_crash_broke_off_is_finished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.volumes.create(spec())

    def broken(*_: object) -> None:
        raise Unavailable("VOLUME_UNAVAILABLE", "The disk is away.")

    with monkeypatch.context() as patched:
        patched.setattr(world.volumes._contents, "remove", broken)
        with pytest.raises(Unavailable):
            await world.volumes.delete("data")
        with pytest.raises(Conflict, match="being deleted"):
            await world.volumes.acquire("a", [use()])
    again = await world.begin()
    assert again.list() == []
    assert [*world.base.iterdir()] == []
    assert (await world.begin()).list() == []


async def test_a_deletion_can_be_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.volumes.create(spec())
    (folder,) = world.base.iterdir()
    folder.rename(world.base / "rubbish-x")
    (world.base / "rubbish-x").rename(folder)
    with monkeypatch.context() as patched:
        patched.setattr(
            "runtime.daemon.volumes.contents.remove_tree", lambda _: (_ for _ in ()).throw(OSError(5, "no"))
        )
        with pytest.raises(Unavailable) as refused:
            await world.volumes.delete("data")
        assert refused.value.code == "VOLUME_UNAVAILABLE"
    await world.volumes.delete("data")
    assert [*world.base.iterdir()] == []


async def test_files_that_are_gone_are_said_and_not_made_anew(world: World) -> None:
    volume = await world.volumes.create(spec())
    (world.base / volume.id / "data-1").rmdir()
    for volumes in (world.volumes, await world.begin()):
        with pytest.raises(Unavailable, match="lost its files") as refused:
            await volumes.acquire("a", [use()])
        assert refused.value.code == "VOLUME_UNAVAILABLE"
        assert volumes.mounted_by(volume) == []


async def test_what_crashes_leave_is_cleared_away_and_strangers_are_left_alone(world: World) -> None:
    volume = await world.volumes.create(spec())
    folder = world.base / volume.id
    for name in ("data-2", "rubbish-abc"):
        (folder / name / "deep").mkdir(parents=True)
    (folder / ".sealed-2.part").touch()
    (folder / "link").symlink_to(world.base)
    (world.base / "rubbish-def").mkdir()
    (world.base / "stranger").mkdir()
    await world.begin()
    assert [each.name for each in folder.iterdir()] == ["data-1"]
    assert sorted(each.name for each in world.base.iterdir()) == ["stranger", volume.id]


async def test_a_base_that_cannot_be_is_said(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable) as refused:
        await Volumes(tmp_path / "file", world.state, world.events, world.clock).load()
    assert refused.value.code == "VOLUME_UNAVAILABLE"


async def test_who_is_cancelled_while_a_volume_is_made_leaves_a_whole_one(world: World) -> None:
    making = asyncio.create_task(world.volumes.create(spec()))
    await asyncio.sleep(0)
    making.cancel()
    await world.at_rest()
    assert [each.spec.name for each in world.volumes.list()] == ["data"]
    assert (await world.volumes.acquire("a", [use()]))[0].host.is_dir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_files_belong_to_whom_services_run_as(world: World) -> None:
    volumes = Volumes(world.base, world.state, world.events, world.clock, owner=(65534, 65534))
    await volumes.load()
    volume = await volumes.create(spec())
    (mount,) = await volumes.acquire("a", [use()])
    assert (mount.host.stat().st_uid, mount.host.stat().st_mode & 0o777) == (65534, 0o700)
    assert (world.base / volume.id).stat().st_uid == 0
    (mount.host / "file").touch()
    volumes.release("a")
    await volumes.backup("data")
    await volumes.restore("data")
    (mount,) = await volumes.acquire("a", [use()])
    assert (mount.host.stat().st_uid, (mount.host / "file").stat().st_uid) == (65534, 65534)
    volumes.release("a")
    await volumes.close()


async def test_the_largest_file_is_as_large_as_the_volume(world: World) -> None:
    await world.volumes.create(spec("small", 5_000_000))
    await world.volumes.create(spec("large", 9_000_000))
    assert world.volumes.file_bytes([use("small"), use("large"), use("none")]) == 9_000_000
    assert world.volumes.file_bytes([]) is None
