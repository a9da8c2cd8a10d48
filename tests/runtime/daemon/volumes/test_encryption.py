"""Encryption at rest: plain files are there only while somebody has the volume, and without a key nothing is said."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import Conflict, Invalid
from runtime.daemon.volumes.contents import Contents
from tests.runtime.daemon.volumes.test_backups import got, put
from tests.runtime.daemon.volumes.world import World, spec, use

SECRET = b"the quick brown fox"


def on_disk(world: World) -> bytes:
    return b"".join(each.read_bytes() for each in world.base.rglob("*") if each.is_file())


async def test_plain_files_are_there_only_while_somebody_has_the_volume(world: World) -> None:
    await world.volumes.create(spec(encrypted=True))
    assert world.volumes.get("data").sealed
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_bytes(SECRET)
    assert not world.volumes.get("data").sealed
    world.volumes.release("a")
    await world.at_rest()
    assert world.volumes.get("data").sealed
    assert SECRET not in on_disk(world)
    assert world.plain_files() == []
    (mount,) = await world.volumes.acquire("b", [use()])
    assert (mount.host / "file").read_bytes() == SECRET
    assert world.volumes.used(world.volumes.get("data")) == 4096 + 512


async def test_without_a_key_it_is_refused_and_never_pretended(tmp_path: Path) -> None:
    for encrypt_all in (False, True):
        folder = tmp_path / str(encrypt_all)
        folder.mkdir()
        world = World(folder, key=None, encrypt_all=encrypt_all)
        await world.state.open()
        await world.begin()
        with pytest.raises(Invalid, match="no key") as refused:
            await world.volumes.create(spec(encrypted=not encrypt_all))
        assert refused.value.code == "INVALID_REQUEST"
        assert world.volumes.list() == []
        await world.end()
        await world.state.close()


async def test_every_new_volume_is_encrypted_where_the_configuration_says_so(world: World) -> None:
    world.encrypt_all = True
    await world.begin()
    assert (await world.volumes.create(spec())).sealed


async def test_another_key_or_none_opens_nothing_and_harms_nothing(world: World) -> None:
    await world.volumes.create(spec(encrypted=True))
    await put(world, "kept")
    right, world.key = world.key, bytes(32)
    await world.begin()
    with pytest.raises(Conflict) as wrong:
        await world.volumes.acquire("a", [use()])
    assert wrong.value.code == "VOLUME_KEY_WRONG"
    world.key = None
    await world.begin()
    with pytest.raises(Invalid):
        await world.volumes.acquire("a", [use()])
    assert world.volumes.mounted_by(world.volumes.get("data")) == []
    world.key = right
    await world.begin()
    assert await got(world) == "kept"


async def test_an_archive_that_was_changed_is_not_opened_and_no_part_of_it_is_left(world: World) -> None:
    volume = await world.volumes.create(spec(encrypted=True))
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "large").write_bytes(bytes(3_000_000))
    world.volumes.release("a")
    await put(world, "kept")
    (archive,) = (world.base / volume.id).glob("sealed-*")
    content = archive.read_bytes()
    archive.write_bytes(content[:-1])
    with pytest.raises(Conflict) as refused:
        await world.volumes.acquire("a", [use()])
    assert refused.value.code == "VOLUME_DAMAGED"
    assert world.plain_files() == []
    archive.write_bytes(content)
    assert await got(world) == "kept"


async def test_what_a_crash_left_open_is_taken_up_or_sealed(world: World) -> None:
    await world.volumes.create(spec(encrypted=True))
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_bytes(SECRET)
    await world.begin()
    (mount,) = await world.volumes.acquire("a", [use()])
    assert (mount.host / "file").read_bytes() == SECRET, "what was written before the crash is there"
    await world.begin()
    await world.end()
    assert world.volumes.get("data").sealed
    assert SECRET not in on_disk(world)
    (mount,) = await world.volumes.acquire("a", [use()])
    assert (mount.host / "file").read_bytes() == SECRET


async def test_whoever_comes_while_it_is_being_sealed_waits_and_loses_nothing(world: World) -> None:
    await world.volumes.create(spec(encrypted=True))
    (mount,) = await world.volumes.acquire("a", [use()])
    (mount.host / "file").write_bytes(SECRET)
    (held,) = world.volumes._by_id.values()
    for turn in range(6):
        world.volumes.release("a")
        while turn % 2 and not held.lock.locked():
            await asyncio.sleep(0)
        (mount,) = await world.volumes.acquire("a", [use()])
        assert (mount.host / "file").read_bytes() == SECRET
    await world.at_rest()
    assert (mount.host / "file").read_bytes() == SECRET, "and nobody takes it away afterwards"


@pytest.mark.parametrize("step", ["seal", "unseal", "tidy"])
async def test_a_crash_at_any_step_leaves_the_content_whole(
    world: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.volumes.create(spec(encrypted=True))
    await put(world, "first")

    class Crash(BaseException):
        pass

    real = getattr(Contents, step)

    def crashing(self: Contents, *args: object) -> None:
        if step != "tidy":
            real(self, *args)
        raise Crash

    with monkeypatch.context() as patched:
        if step == "unseal":
            patched.setattr(Contents, step, crashing)
            with pytest.raises(Crash):
                await world.volumes.acquire("a", [use()])
        else:
            (mount,) = await world.volumes.acquire("a", [use()])
            (mount.host / "file").write_text("second")
            patched.setattr(Contents, step, crashing)
            world.volumes.release("a")
            await world.at_rest()
    await world.begin()
    assert await got(world) == ("first" if step == "unseal" else "second")
    assert len([*world.base.glob("*/*")]) == 1
