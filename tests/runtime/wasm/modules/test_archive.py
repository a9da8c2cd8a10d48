"""Modules as files: what one store writes another reads; what is no module is refused."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from catalog.errors import Invalid
from runtime.wasm.modules.archive import export_layout, gather_path
from runtime.wasm.modules.interface import read_interface
from runtime.wasm.modules.store import ModuleStore
from tests.runtime.wasm.modules.making import (
    COMPONENT,
    INTERPRETER,
    WASM_BYTES,
    all_files,
    gathered,
    interpreted,
    plain,
    store_in,
    tar_of,
)


@pytest.fixture
def other(tmp_path: Path) -> ModuleStore:
    """Another store."""
    return store_in(tmp_path / "other")


def exported(store: ModuleStore, name: str, into: Path, without: tuple[str, ...] = ()) -> Path:
    """A module of the store as a tar."""
    stored = store.read(name)
    export_layout(store.layout.blob, stored.entry, stored.manifest, stored.name, into, without=without)
    return into


def test_a_bare_wasm_file_becomes_a_module(store: ModuleStore, tmp_path: Path) -> None:
    path = tmp_path / "hello.wasm"
    path.write_bytes(WASM_BYTES)
    info = store.add(path, "hello:1")
    assert (info.name, info.type, info.version, info.problem) == ("hello", "command", "0.0.0", None)
    assert store.add(gather_path(path, "http"), "hello:2").type == "http"
    assert store.resolve("hello:1").wasm.read_bytes() == WASM_BYTES


def test_what_one_store_writes_another_reads(store: ModuleStore, other: ModuleStore, tmp_path: Path) -> None:
    info = store.add(interpreted(tar_of(plain("app.py"))), "hello:1")
    tar = exported(store, "hello", tmp_path / "hello.tar")
    assert other.add(tar, "theirs:2").digest == info.digest
    with tarfile.open(tar) as packed:
        packed.extractall(tmp_path / "laid", filter="data")
    assert other.add(tmp_path / "laid", "theirs:3").digest == info.digest
    assert exported(other, "theirs:2", tmp_path / "again.tar").stat().st_size == tar.stat().st_size


def test_blobs_that_the_store_has_may_be_left_out(store: ModuleStore, other: ModuleStore, tmp_path: Path) -> None:
    info = store.add(interpreted(tar_of(plain("app.py"))), "hello:1")
    runtime = info.layers[0].digest
    tar = exported(store, "hello:1", tmp_path / "thin.tar", without=(runtime,))
    with pytest.raises(Invalid, match="cannot be read"):
        other.add(gather_path(tar, known=other.layout.blob), "hello:1")
    other.add(gathered(INTERPRETER), "runtime:1")
    assert other.add(gather_path(tar, known=other.layout.blob), "hello:1").digest == info.digest
    assert other.resolve("hello").wasm.read_bytes() == INTERPRETER


@pytest.mark.parametrize("content", [b"", b"not a module", tar_of(plain("x")), tar_of(plain("../x"))])
def test_other_files_are_refused(store: ModuleStore, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Invalid) as caught:
        store.add(tmp_path / "file", "hello:1")
    assert caught.value.code == "MODULE_ARCHIVE"
    assert (
        str(tmp_path) not in caught.value.message.replace(f"`{tmp_path}`", "") or "index.json" in caught.value.message
    )
    assert store.list() == []


def test_a_file_that_is_not_there_is_told(store: ModuleStore, tmp_path: Path) -> None:
    for path in (tmp_path / "none.wasm", tmp_path):
        with pytest.raises(Invalid) as caught:
            store.add(path, "hello:1")
        assert caught.value.code == "FILE_UNREADABLE"


def test_layouts_that_are_damaged_or_hold_several_modules_are_refused(
    store: ModuleStore, other: ModuleStore, tmp_path: Path
) -> None:
    info = store.add(gathered(), "hello:1")
    folder = store.layout.folder
    wasm = folder / "blobs/sha256" / info.layers[0].digest.removeprefix("sha256:")
    shutil.copytree(folder, tmp_path / "copy")
    wasm.chmod(0o644)
    wasm.write_bytes(WASM_BYTES + b"!")
    with pytest.raises(Invalid, match="has another digest"):
        other.add(folder, "hello:1")
    store.add(gathered(INTERPRETER), "second:1")
    with pytest.raises(Invalid, match="2 modules"):
        other.add(folder, "hello:1")
    (tmp_path / "copy/index.json").write_text(json.dumps({"manifests": [{"mediaType": "x"}]}))
    with pytest.raises(Invalid, match="no OCI index"):
        other.add(tmp_path / "copy", "hello:1")
    assert other.list() == []
    assert all_files(other.layout.folder) == ["oci-layout"]


def test_the_interface_is_read_off_the_sections(tmp_path: Path) -> None:
    path = tmp_path / "x.wasm"
    path.write_bytes(WASM_BYTES)
    found = read_interface(path)
    assert (found.imports, found.exports) == (("env::tell",), ("memory", "level", "handle"))
    path.write_bytes(COMPONENT)
    assert read_interface(path).component
    for cut in (b"", b"\0asm", b"\0asm\2\0\0\0", WASM_BYTES[:40], b"\0asm\1\0\0\0\x07\x05\x01\x99"):
        path.write_bytes(cut)
        try:
            read_interface(path)
        except Invalid as error:
            assert error.code == "MODULE_WASM"
        else:
            assert cut == WASM_BYTES[:40]
