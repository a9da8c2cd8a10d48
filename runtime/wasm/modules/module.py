"""Module: one that is ready to be compiled and started; ModuleInfo: what the store tells about one."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from catalog.jsonvalue import Json
from runtime.wasm.launch import Mount
from runtime.wasm.modules.fabrickfile import Fabrickfile


class LayerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A layer: what it is for (None: nothing we know), its size in bytes as it is stored."""

    media_type: str
    digest: str
    size: int
    part: str | None


class ModuleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A module of the store. `reference` is the name it was stored under, `digest` that of its manifest.

    `size` is the sum of its blobs in bytes, `created` RFC 3339 or empty. `problem` says why a module whose name stands
    in the index cannot be run; then most other fields are empty.
    """

    reference: str
    name: str
    version: str
    digest: str
    type: str
    size: int
    created: str = ""
    interpreted: bool = False
    abi: str | None = None
    description: str = ""
    layers: tuple[LayerInfo, ...] = ()
    exports: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    capabilities: Mapping[str, Json] = {}
    annotations: Mapping[str, str] = {}
    problem: str | None = None


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A module whose layers lie unpacked on this machine, below a directory named after its digest.

    `wasm_digest` is the SHA-256 of `wasm` in hexadecimal. For an interpreted module `wasm` is the interpreter and `app`
    the source's directory, which the guest sees at `/app`; `argv` is how the interpreter wants to be called. `mounts`
    holds the app and every place that `[files]` fills, all read-only.
    """

    info: ModuleInfo
    wasm: Path
    wasm_digest: str
    interpreted: bool
    app: Path | None
    mounts: tuple[Mount, ...]
    fabrickfile: Fabrickfile
    argv: tuple[str, ...] = ()
