"""Backups: made when they are due, verified before they are brought back, removed when their time is over."""

import asyncio
import hashlib
import tarfile
from pathlib import Path

import pytest

from catalog.errors import Conflict, NotFound, Unavailable
from runtime.daemon.spec import Backup
from runtime.daemon.volumes import Copy, Volume
from runtime.daemon.volumes import contents as contents_module
from runtime.daemon.volumes.copies import due_after
from tests.runtime.daemon.volumes.test_quota import look, watching
from tests.runtime.daemon.volumes.world import World, spec, use

DAY = 86_400
NIGHTLY = Backup(enabled=True, schedule="0 3 * * *", retention=2.5 * DAY)


async def put(world: World, text: str, name: str = "data") -> None:
    """Write a file to the volume as a service does."""
    (mount,) = await world.volumes.acquire("writer", [use(name)])
    (mount.host / "file").write_text(text)
    world.volumes.release("writer")
    await world.at_rest()


async def got(world: World, name: str = "data") -> str:
    """Read it again."""
    (mount,) = await world.volumes.acquire("reader", [use(name)])
    text = (mount.host / "file").read_text()
    world.volumes.release("reader")
    await world.at_rest()
    return text


def read(copy: Copy, end: str = "") -> bytes:
    return Path(copy.path + end).read_bytes()


def write(copy: Copy, content: bytes | None) -> None:
    if content is None:
        Path(copy.path).unlink()
    else:
        Path(copy.path).write_bytes(content)


def mode(copy: Copy) -> int:
    return Path(copy.path).stat().st_mode & 0o777


def exists(copy: Copy, end: str = "") -> bool:
    return Path(copy.path + end).exists()


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
async def volume(world: World, request: pytest.FixtureRequest) -> Volume:
    made = await world.volumes.create(spec(encrypted=request.param))
    await put(world, "first")
    return made


async def test_a_backup_is_brought_back(world: World, volume: Volume) -> None:
    first = await world.volumes.backup("data")
    await put(world, "second")
    world.clock.pass_by(1)
    second = await world.volumes.backup("data")
    await put(world, "third")
    assert (await world.volumes.restore("data")).name == second.name
    assert await got(world) == "second"
    await world.volumes.restore("data", first.name)
    assert world.volumes.used(world.volumes.get("data")) >= 4096 + 512
    assert await got(world) == "first"
    again = await world.begin()
    assert [each.name for each in again.get("data").copies] == [first.name, second.name]
    assert await got(world) == "first"


async def test_a_backup_of_a_volume_in_use_can_be_brought_back_when_it_is_free(world: World, volume: Volume) -> None:
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_text("while in use")
    copy = await world.volumes.backup("data")
    with pytest.raises(Conflict, match="in use by `a`") as refused:
        await world.volumes.restore("data", copy.name)
    assert refused.value.code == "INVALID_STATE"
    (mount.host / "file").write_text("later")
    world.volumes.release("a")
    await world.volumes.restore("data", copy.name)
    assert await got(world) == "while in use"


async def test_a_backup_has_its_digest_beside_it_and_is_the_owners_alone(world: World, volume: Volume) -> None:
    copy = await world.volumes.backup("data")
    content = read(copy)
    assert hashlib.sha256(content).hexdigest() == copy.sha256
    assert read(copy, ".sha256").decode() == f"{copy.sha256}  {copy.name}\n"
    assert (len(content), mode(copy)) == (copy.bytes, 0o600)
    assert copy.encrypted == volume.spec.encrypted
    assert (b"first" in content) != copy.encrypted
    if not copy.encrypted:
        with tarfile.open(copy.path) as tar:
            assert tar.getnames() == ["file"], "any tar can read it"


async def test_nothing_is_replaced_by_a_backup_that_was_changed(world: World, volume: Volume) -> None:
    copy = await world.volumes.backup("data")
    await put(world, "second")
    content = read(copy)
    for changed in (content[:-1], content + b"x", content[:600] + b"\xff" + content[601:], b""):
        write(copy, changed)
        with pytest.raises(Conflict) as refused:
            await world.volumes.restore("data")
        assert refused.value.code == "VOLUME_DAMAGED"
        assert await got(world) == "second"
    write(copy, None)
    with pytest.raises(Unavailable):
        await world.volumes.restore("data")
    assert await got(world) == "second"
    assert len([*(world.base / volume.id).iterdir()]) == 2, "content and backups, nothing half made"


async def test_a_restore_that_breaks_off_leaves_what_was(
    world: World, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.volumes.backup("data")
    await put(world, "second")

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(contents_module, "read_tree", full)
        patched.setattr("runtime.daemon.volumes.copies.draft", full)
        with pytest.raises(Unavailable, match="No space left"):
            await world.volumes.restore("data")
    assert await got(world) == "second"


async def test_what_a_crash_left_of_a_backup_is_gone_after_the_next_start(world: World, tmp_path: Path) -> None:
    away = Backup(destination=f"file://{tmp_path}/away")
    for name, backup in (("near", Backup()), ("far", away)):
        await world.volumes.create(spec(name, backup=backup))
        copy = await world.volumes.backup(name)
        folder = Path(copy.path).parent
        (folder / f".{copy.name}.part").write_bytes(b"half")
        (folder / f".{copy.name}.sha256.part").write_bytes(b"half")
        (folder / f".{name}-er-20260101T000000Z.tar.part").write_bytes(b"another volume's")
    await world.begin()
    for name in ("near", "far"):
        (copy,) = world.volumes.get(name).copies
        left = {each.name for each in Path(copy.path).parent.iterdir()}
        assert left == {copy.name, f"{copy.name}.sha256", f".{name}-er-20260101T000000Z.tar.part"}


async def test_nobody_gets_a_volume_while_it_is_brought_back(world: World, volume: Volume) -> None:
    await world.volumes.backup("data")
    restoring = asyncio.create_task(world.volumes.restore("data"))
    await asyncio.sleep(0)
    with pytest.raises(Conflict, match="being restored"):
        await world.volumes.acquire("a", [use()])
    with pytest.raises(Conflict, match="being restored"):
        await world.volumes.restore("data")
    await restoring
    assert await got(world) == "first"


async def test_a_backup_that_there_is_not_is_told_with_those_there_are(world: World, volume: Volume) -> None:
    with pytest.raises(NotFound) as refused:
        await world.volumes.restore("data")
    assert refused.value.code == "BACKUP_NOT_FOUND"
    copy = await world.volumes.backup("data")
    with pytest.raises(NotFound) as refused:
        await world.volumes.restore("data", "../../etc/passwd")
    assert refused.value.details["available_backups"] == [copy.name]


async def test_backups_of_one_second_have_names_of_their_own(world: World, volume: Volume) -> None:
    names = [(await world.volumes.backup("data")).name for _ in range(3)]
    assert len(set(names)) == 3
    assert names[0].startswith("data-20270115T080000Z")


async def test_backups_are_made_when_they_are_due_and_missed_ones_at_the_start(world: World) -> None:
    volume = await world.volumes.create(spec(backup=NIGHTLY))
    watch, three = watching(world), 1_800_068_400
    assert world.volumes.next_backup_ns(volume) == three * 10**9
    world.clock.pass_by(19 * 3600 - 150)
    await look(world, watch)
    assert world.volumes.get("data").copies == ()
    await look(world, watch)
    await world.at_rest()
    (copy,) = world.volumes.get("data").copies
    assert copy.created_at_ns // 10**9 - three in range(100)
    assert world.volumes.next_backup_ns(volume) == (three + DAY) * 10**9
    await look(world, watch)
    await world.at_rest()
    assert len(world.volumes.get("data").copies) == 1
    world.clock.pass_by(3 * DAY)
    await world.begin()
    await look(world, watching(world))
    await world.at_rest()
    assert len(world.volumes.get("data").copies) == 1, "the missed one is made, the old one is over its time"


async def test_backups_are_kept_for_their_time_and_one_is_always_left(world: World) -> None:
    await world.volumes.create(spec(backup=NIGHTLY))
    kept = [await world.volumes.backup("data")]
    for _ in range(3):
        world.clock.pass_by(DAY)
        kept.append(await world.volumes.backup("data"))
    assert [each.name for each in world.volumes.get("data").copies] == [each.name for each in kept[1:]]
    assert not exists(kept[0])
    assert not exists(kept[0], ".sha256")
    world.clock.pass_by(100 * DAY)
    assert [each.name for each in world.volumes.get("data").copies] == [each.name for each in kept[1:]]
    last = await world.volumes.backup("data")
    assert world.volumes.get("data").copies == (last,)


async def test_a_backup_that_fails_is_tried_at_its_next_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = await world.volumes.create(spec(backup=NIGHTLY))
    (world.base / volume.id / "data-1").rename(world.base / "away")
    world.clock.pass_by(DAY)
    await look(world, watching(world))
    await world.at_rest()
    assert world.volumes.get("data").copies == ()
    assert (world.volumes.next_backup_ns(volume) or 0) > world.clock.now_ns()


async def test_a_destination_of_its_own_outlives_the_volume(world: World, tmp_path: Path) -> None:
    there = Backup(destination=f"file://{tmp_path}/my%20backups")
    await world.volumes.create(spec("one", backup=there))
    await world.volumes.create(spec("two"))
    one, two = await world.volumes.backup("one"), await world.volumes.backup("two")
    assert Path(one.path).parent == tmp_path / "my backups"
    await world.volumes.delete("one")
    await world.volumes.delete("two")
    assert exists(one)
    assert not exists(two)


async def test_an_ephemeral_volumes_leavings_are_not_copied(world: World) -> None:
    await world.volumes.create(spec(type="ephemeral"))
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_text("x")
    world.volumes.release("a")
    copy = await world.volumes.backup("data")
    with tarfile.open(copy.path) as tar:
        assert tar.getnames() == []


def test_a_schedule_is_in_utc() -> None:
    assert due_after(NIGHTLY, 1_800_000_000 * 10**9) == 1_800_068_400 * 10**9
    assert due_after(Backup(), 0) is None
