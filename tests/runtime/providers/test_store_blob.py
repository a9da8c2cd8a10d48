"""`storage.store_blob` on a real folder: what it plans, what it writes, and what it refuses to touch."""

import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.artifacts import ArtifactRef
from catalog.changes import Change
from catalog.errors import Conflict, FabricError, Invalid, TargetFailed
from catalog.jsonvalue import Json, canonical
from catalog.operations import WriteEntry, WriteProvider
from catalog.provider import Call, Target
from catalog.schemas import converter
from runtime.drivers.storage.folder import MAX_HASHED
from runtime.providers.storage import STORAGE
from tests.fakes.ports import FakePorts

CONTROLLER = "3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01"
PICTURE = b"\xff\xd8 a picture \xff\xd9"
MUTATIONS = 1000


class Store:
    """A storage below a folder, its artifacts, and the write under test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "storage"
        self.folder.mkdir()
        self.ports = FakePorts()
        code = STORAGE.code("storage.store_blob")
        assert isinstance(code, WriteEntry)
        self.code = code
        self.write: WriteProvider = code.provider
        self.settings: dict[str, Json] = {"directory": str(self.folder)}
        self.driver = "local"

    async def keep(self, content: bytes = PICTURE, media_type: str = "image/jpeg") -> ArtifactRef:
        return await self.ports.artifacts.put(content, media_type)

    def call(self, artifact: ArtifactRef | None, change_id: str = "change-1") -> Call:
        target = Target(id=CONTROLLER, organisation_id="org-1", site_id="s", driver=self.driver, settings=self.settings)
        return self.ports.call("storage.store_blob", target=target, artifact=artifact, change_id=change_id)

    async def plan(self, path: str, artifact: ArtifactRef | None) -> Change:
        params: object = converter(self.code.params)({"controller_id": CONTROLLER, "path": path})
        return await self.write.plan(params, self.call(artifact))

    async def drifted(self, change: Change, artifact: ArtifactRef) -> bool:
        """Apply's own question: is what the change rests on still so?"""
        present = await self.write.observe(change, self.call(artifact))
        return canonical(present) != canonical(change.precondition)

    def files(self) -> dict[str, bytes]:
        found = [each for each in self.folder.rglob("*") if each.is_file() and not each.is_symlink()]
        return {str(each.relative_to(self.folder)): each.read_bytes() for each in found}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


async def test_a_plan_shows_the_file_before_and_after_and_writes_nothing(store: Store) -> None:
    artifact = await store.keep()
    change = await store.plan("porch/1.jpg", artifact)
    content = {"sha256": artifact.sha256, "size": len(PICTURE)}
    assert change.target_id == "porch/1.jpg"
    assert change.request == {"path": "porch/1.jpg", "media_type": "image/jpeg", **content}
    assert change.before == change.precondition == {"kind": "absent"}
    assert change.after == {"kind": "file", **content}
    assert list(store.folder.iterdir()) == []
    (store.folder / "porch").mkdir()
    (store.folder / "porch/1.jpg").write_bytes(b"old")
    again = await store.plan("porch/1.jpg", artifact)
    assert again.before == {"kind": "file", "size": 3, "sha256": hashlib.sha256(b"old").hexdigest()}


async def test_apply_writes_exactly_the_staged_bytes_and_makes_missing_folders(store: Store) -> None:
    artifact = await store.keep()
    change = await store.plan("a/b/c.jpg", artifact)
    assert not await store.drifted(change, artifact)
    stored = await store.write.apply(change, store.call(artifact))
    assert (stored.path, stored.sha256, stored.size, stored.written) == (
        "a/b/c.jpg",
        artifact.sha256,
        len(PICTURE),
        True,
    )
    assert store.files() == {"a/b/c.jpg": PICTURE}


async def test_apply_replaces_the_file_it_was_planned_against(store: Store) -> None:
    (store.folder / "x").write_bytes(b"old")
    artifact = await store.keep()
    change = await store.plan("x", artifact)
    assert (await store.write.apply(change, store.call(artifact))).written
    assert store.files() == {"x": PICTURE}


async def test_a_file_that_already_holds_the_bytes_is_left_alone(store: Store) -> None:
    path = store.folder / "x"
    path.write_bytes(PICTURE)
    before = path.stat()
    artifact = await store.keep()
    stored = await store.write.apply(await store.plan("x", artifact), store.call(artifact))
    assert not stored.written
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_draft_that_a_crash_left_behind_does_not_stop_the_same_change(store: Store) -> None:
    artifact = await store.keep()
    change = await store.plan("x", artifact)
    draft = hashlib.sha256(b"change-1").hexdigest()[:32]
    (store.folder / f".fabric-{draft}.part").write_bytes(b"half")
    await store.write.apply(change, store.call(artifact))
    assert store.files() == {"x": PICTURE}


async def test_without_an_artifact_nothing_is_planned(store: Store) -> None:
    with pytest.raises(Invalid) as refused:
        await store.plan("x", None)
    assert refused.value.code == "ARTIFACT_REQUIRED"


OUTSIDE = [
    "../x",
    "a/../../x",
    "/etc/x",
    "a//b",
    "a/",
    "./a",
    "a/./b",
    "",
    "a\x00b",
    "a\nb",
    "a\\..\\b",
    "a" * 256,
    "..",
]


@pytest.mark.promise("W5", count=len(OUTSIDE))
@pytest.mark.parametrize("path", OUTSIDE)
async def test_a_path_that_is_not_plainly_below_the_folder_is_refused(store: Store, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        await store.plan(path, await store.keep())
    assert refused.value.code in ("PATH_INVALID", "PARAM_RANGE")


async def test_nothing_leaves_the_folder_through_a_symbolic_link(store: Store, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_bytes(b"theirs")
    (store.folder / "way").symlink_to(elsewhere)
    (store.folder / "link").symlink_to(elsewhere / "secret")
    (store.folder / "room").mkdir()
    os.mkfifo(store.folder / "pipe")
    artifact = await store.keep()
    for path in ("way/secret", "way/new", "link", "room", "pipe", "link/x", "pipe/x"):
        with pytest.raises(Invalid) as refused:
            await store.plan(path, artifact)
        assert refused.value.code == "PATH_OCCUPIED"
    assert {each.name: each.read_bytes() for each in elsewhere.iterdir()} == {"secret": b"theirs"}


def replaced(folder: Path) -> None:
    (folder / "in/x").write_bytes(b"new")


def same_size(folder: Path) -> None:
    (folder / "in/x").write_bytes(b"OLD")


def deleted(folder: Path) -> None:
    (folder / "in/x").unlink()


def swapped_for_a_link(folder: Path) -> None:
    (folder / "in/x").rename(folder / "y")
    (folder / "in/x").symlink_to(folder / "y")


def swapped_for_a_folder(folder: Path) -> None:
    (folder / "in/x").unlink()
    (folder / "in/x").mkdir()


def parent_swapped_for_a_link(folder: Path) -> None:
    (folder / "in").rename(folder.parent / "out")
    (folder / "in").symlink_to(folder.parent / "out")


def parent_gone(folder: Path) -> None:
    (folder / "in").rename(folder / "out")


DRIFTS = [
    *(replaced, same_size, deleted, swapped_for_a_link),
    *(swapped_for_a_folder, parent_swapped_for_a_link, parent_gone),
]


@pytest.mark.promise("W4", count=len(DRIFTS))
@pytest.mark.parametrize("drift", DRIFTS)
async def test_a_target_that_moved_is_seen_and_an_apply_that_missed_it_writes_nothing(
    store: Store, drift: Callable[[Path], None]
) -> None:
    (store.folder / "in").mkdir()
    (store.folder / "in/x").write_bytes(b"old")
    artifact = await store.keep()
    change = await store.plan("in/x", artifact)
    drift(store.folder)
    before = store.files()
    assert await store.drifted(change, artifact)
    # The same drift again, as if it came between the look and the rename.
    with pytest.raises(Conflict) as refused:
        await store.write.apply(change, store.call(artifact))
    assert refused.value.code == "TARGET_MOVED"
    assert store.files() == before


@pytest.mark.promise("W4")
async def test_a_file_that_appears_in_the_last_moment_is_not_replaced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = await store.keep()
    change = await store.plan("x", artifact)
    link = os.link

    def late(*args: object, **facts: object) -> None:
        (store.folder / "x").write_bytes(b"theirs")
        link(*args, **facts)  # type: ignore[arg-type] # passed on as it came

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(Conflict) as refused:
        await store.write.apply(change, store.call(artifact))
    assert refused.value.code == "TARGET_MOVED"
    assert store.files() == {"x": b"theirs"}


@pytest.mark.promise("W5", count=MUTATIONS)
async def test_altered_bytes_are_never_written(store: Store) -> None:
    dice = random.Random(5)
    artifact = await store.keep()
    change = await store.plan("x", artifact)
    for _ in range(MUTATIONS):
        altered = bytearray(PICTURE)
        kind = dice.choice(["flip", "truncate", "extend", "swap"])
        if kind == "flip":
            altered[dice.randrange(len(altered))] ^= 1 << dice.randrange(8)
        elif kind == "truncate":
            del altered[dice.randrange(len(altered)) :]
        elif kind == "extend":
            altered += dice.randbytes(dice.randint(1, 40))
        else:
            altered = bytearray(dice.randbytes(len(altered)))
        store.ports.artifacts.held[artifact.token] = bytes(altered)
        with pytest.raises(Conflict) as refused:
            await store.write.apply(change, store.call(artifact))
        assert refused.value.code == "ARTIFACT_ALTERED"
    assert store.files() == {}
    assert list(store.folder.iterdir()) == []


async def test_a_hard_link_elsewhere_keeps_its_bytes(store: Store, tmp_path: Path) -> None:
    (store.folder / "x").write_bytes(b"old")
    os.link(store.folder / "x", tmp_path / "other name")
    artifact = await store.keep()
    await store.write.apply(await store.plan("x", artifact), store.call(artifact))
    assert (tmp_path / "other name").read_bytes() == b"old"


async def test_a_disk_that_is_full_leaves_nothing_behind(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = await store.keep()
    change = await store.plan("x", artifact)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TargetFailed) as failed:
        await store.write.apply(change, store.call(artifact))
    assert failed.value.code == "STORAGE_FAILED"
    assert list(store.folder.iterdir()) == []


async def test_the_file_and_its_folder_are_synced_before_apply_answers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    artifact = await store.keep()
    await store.write.apply(await store.plan("new/x", artifact), store.call(artifact))
    assert synced[0] == "storage"
    assert synced[1].endswith(".part")
    assert synced[2] == "new"


@pytest.mark.parametrize(
    ("settings", "driver", "code"),
    [
        ({}, "local", "CONTROLLER_SETTINGS"),
        ({"directory": "relative"}, "local", "CONTROLLER_SETTINGS"),
        ({"directory": 7}, "local", "CONTROLLER_SETTINGS"),
        ({"directory": "/nowhere/at/all"}, "local", "STORAGE_DIRECTORY"),
        ({"directory": "/"}, "locale", "DRIVER_UNKNOWN"),
    ],
)
async def test_a_controller_that_names_no_folder_is_told_so(
    store: Store, settings: dict[str, Json], driver: str, code: str
) -> None:
    store.settings, store.driver = settings, driver
    with pytest.raises(FabricError) as refused:
        await store.plan("x", await store.keep())
    assert refused.value.code == code


async def test_a_huge_present_file_is_known_by_size_and_time(store: Store) -> None:
    with (store.folder / "huge").open("wb") as file:
        file.truncate(MAX_HASHED + 1)
    artifact = await store.keep()
    change = await store.plan("huge", artifact)
    assert "sha256" not in change.before
    assert not await store.drifted(change, artifact)
    with (store.folder / "huge").open("r+b") as file:
        file.write(b"x")
    assert await store.drifted(change, artifact)
