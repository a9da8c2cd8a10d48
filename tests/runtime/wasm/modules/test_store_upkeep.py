"""The store's upkeep: what is swept, what others do at the same time, a disk that is full."""

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from catalog.errors import FabricError, Unavailable
from runtime.wasm.modules.layout import Layout
from runtime.wasm.modules.staging import FRESH, Staging
from runtime.wasm.modules.store import ModuleStore
from tests.runtime.wasm.modules.making import (
    HELLO,
    INTERPRETER,
    WASM_BYTES,
    all_files,
    blobs,
    gathered,
    index,
    interpreted,
    plain,
    store_in,
    tar_of,
)


def test_sweeping_keeps_what_is_wanted(store: ModuleStore) -> None:
    kept, run, gone = (store.add(gathered(config=f"{HELLO}# {n}\n"), f"m{n}:1") for n in range(3))
    for each in (kept, run, gone):
        store.resolve(each.reference)
    store.remove(run.reference)
    store.remove(gone.reference)
    left = store.layout.folder / ".staging-dead"
    left.mkdir()
    (left / "half").write_bytes(b"half a blob")
    (store.layout.folder / ".draft-dead").write_bytes(b"half an index")
    store.sweep(keep=[run.digest])
    assert {each.name for each in store.unpacked.folder.iterdir() if each.is_dir()} == {
        each.digest.removeprefix("sha256:") for each in (kept, run)
    }
    assert len(blobs(store)) == 3
    assert [each.name for each in store.layout.folder.iterdir() if "dead" in each.name] == []
    assert store.resolve(kept.reference).wasm.exists()


def stray(store: ModuleStore, name: str, age: float) -> Path:
    path = store.layout.blob(f"sha256:{name * 64}")
    path.write_bytes(b"nobody's")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_blobs_that_a_crash_left_are_swept_and_fresh_ones_of_other_tools_are_not(store: ModuleStore) -> None:
    kept = store.add(gathered(), "hello:1")
    for each in blobs(store):
        os.utime(store.layout.blob(each), (0, 0))
    old, fresh = stray(store, "a", 2 * FRESH), stray(store, "b", 60)
    store.sweep()
    assert (old.exists(), fresh.exists()) == (False, True)
    assert store.resolve(kept.reference).wasm.exists()


def test_no_blob_is_swept_while_an_entry_cannot_be_read(store: ModuleStore) -> None:
    store.add(gathered(), "hello:1")
    damaged = store.layout.blob(store.add(gathered(INTERPRETER), "other:1").digest)
    damaged.chmod(0o600)
    damaged.write_bytes(b"{}")
    old = stray(store, "a", 2 * FRESH)
    store.sweep()
    assert old.exists()


def test_staging_of_the_living_is_left_alone(store: ModuleStore) -> None:
    with store.layout.staging() as place:
        place.put(iter((b"half",)), "x/y")
        store.sweep()
        assert len(place.blobs()) == 1
        store.add(gathered(), "hello:1")
        assert len(place.blobs()) == 1


def _add_many(folder: str, number: int) -> None:
    store = store_in(Path(folder))
    for turn in range(6):
        store.add(gathered(config=f"{HELLO}# {number} {turn}\n"), f"m{number}:{turn}")
        store.add(gathered(), "shared:1")
        store.add(gathered(INTERPRETER), f"gone{number}:1")
        store.remove(f"gone{number}:1")


def test_processes_that_write_side_by_side_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(str(tmp_path), number)) for number in range(3)]
    for each in workers:
        each.start()
    _add_many(str(tmp_path), 9)
    for each in workers:
        each.join(60)
        assert each.exitcode == 0
    store = store_in(tmp_path)
    names = {each.reference: each for each in store.list()}
    assert set(names) == {"shared:1", *(f"m{number}:{turn}" for number in (0, 1, 2, 9) for turn in range(6))}
    assert all(each.problem is None for each in names.values())
    for name in names:
        assert store.resolve(name).wasm.read_bytes() == WASM_BYTES
    assert [each for each in all_files(store.layout.folder) if "staging" in each or "draft" in each] == []


def test_threads_that_resolve_the_same_module_share_one(store: ModuleStore) -> None:
    store.add(interpreted(tar_of(*(plain(f"m{n}.py") for n in range(20)))), "hello:1")
    found: list[int] = []
    failed: list[FabricError] = []

    def resolve() -> None:
        try:
            found.append(store.resolve("hello:1").wasm.stat().st_ino)
        except FabricError as error:
            failed.append(error)

    threads = [threading.Thread(target=resolve) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []
    assert len(found) == 8 and len(set(found)) == 1


def test_a_blob_that_another_removal_would_take_is_held_until_it_is_named(store: ModuleStore) -> None:
    info = store.add(gathered(), "hello:1")

    def gather(place: Staging) -> bytes:
        content = store.layout.blob(info.digest).read_bytes()
        for each in store.read("hello:1").manifest.blobs:
            assert place.link(store.layout.blob(each.digest), each.hex)
        store.remove("hello:1")
        assert blobs(store) == set()
        return content

    assert store.add(gather, "again:1").digest == info.digest
    assert store.resolve("again:1").wasm.read_bytes() == WASM_BYTES


def test_a_full_disk_leaves_the_store_as_it_was(store: ModuleStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add(gathered(), "hello:1")
    before = blobs(store), index(store)

    def full(self: Layout, value: object) -> Path:
        raise Unavailable("MODULE_STORE", "No space left on device.")

    monkeypatch.setattr(Layout, "_draft", full)
    with pytest.raises(Unavailable):
        store.add(gathered(INTERPRETER), "other:1")
    assert (blobs(store), index(store)) == before
