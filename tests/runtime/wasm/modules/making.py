"""Modules as tests make them: small, real, on disk."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

from wasmtime import wat2wasm

from runtime.wasm.modules.fabrickfile import FILE_NAME
from runtime.wasm.modules.manifest import Manifest
from runtime.wasm.modules.media_types import CONFIG, MANIFEST, MODULE, RUNTIME, SOURCE, WASM
from runtime.wasm.modules.staging import Staging
from runtime.wasm.modules.store import ModuleStore

WASM_BYTES = bytes(
    wat2wasm(
        '(module (import "env" "tell" (func (param i32))) (memory (export "memory") 1)'
        ' (global (export "level") i32 (i32.const 3)) (func (export "handle")))'
    )
)
"""A core module with one import and three exports."""

INTERPRETER = bytes(wat2wasm('(module (func (export "_start")))'))

COMPONENT = b"\0asm\x0d\0\1\0"
"""Where a component begins."""

HELLO = """
fabrick_version = "1.0"
[info]
name = "hello"
version = "1.2.3"
type = "http"
description = "Greets."
authors = ["Ada", "Grace"]
[build]
output = "out/hello.wasm"
"""


def folder_of(folder: Path, fabrickfile: str = HELLO, wasm: bytes = WASM_BYTES, output: str = "out/hello.wasm") -> Path:
    """A folder with a Fabrickfile and what its build would have made."""
    (folder / output).parent.mkdir(parents=True, exist_ok=True)
    (folder / output).write_bytes(wasm)
    (folder / FILE_NAME).write_text(fabrickfile)
    return folder


def gathered(wasm: bytes = WASM_BYTES, config: str = HELLO) -> Callable[[Staging], Manifest]:
    """The parts of a module with one layer."""

    def gather(place: Staging) -> Manifest:
        return Manifest(
            schema_version=2,
            media_type=MANIFEST,
            artifact_type=MODULE,
            config=place.put(iter((config.encode(),)), CONFIG),
            layers=(place.put(iter((wasm,)), WASM),),
        )

    return gather


def interpreted(*sources: bytes, config: str = HELLO) -> Callable[[Staging], Manifest]:
    """The parts of an interpreted module with these source layers, each a tar."""

    def gather(place: Staging) -> Manifest:
        return Manifest(
            schema_version=2,
            config=place.put(iter((config.encode(),)), CONFIG),
            layers=(
                place.put(iter((INTERPRETER,)), RUNTIME),
                *(place.put(iter((source,)), SOURCE) for source in sources),
            ),
        )

    return gather


def tar_of(*members: tuple[tarfile.TarInfo, bytes], packed: bool = True) -> bytes:
    """A tar of exactly these members."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member, data in members:
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(content.getvalue(), mtime=0) if packed else content.getvalue()


def plain(name: str, data: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    """A plain file."""
    return tarfile.TarInfo(name), data


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """A link, a device, a directory."""
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def all_files(folder: Path) -> list[str]:
    """Everything below a folder, sorted, hidden files too."""
    return sorted(
        Path(place, name).relative_to(folder).as_posix() for place, _, names in os.walk(folder) for name in names
    )


def store_in(folder: Path) -> ModuleStore:
    """An empty store."""
    return ModuleStore(folder / "storage", folder / "unpacked")


def blobs(store: ModuleStore) -> set[str]:
    return {each.name for each in (store.layout.folder / "blobs" / "sha256").iterdir()}


def index(store: ModuleStore) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((store.layout.folder / "index.json").read_text())["manifests"]
    return found
