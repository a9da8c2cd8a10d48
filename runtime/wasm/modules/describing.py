"""Describing: what a manifest and its config say about a module, whoever made them."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from catalog.errors import FabricError, Invalid
from catalog.jsonvalue import Json
from runtime.forms.workload import ModuleType
from runtime.wasm.modules import media_types as types
from runtime.wasm.modules.capabilities import merged, read_note
from runtime.wasm.modules.fabrickfile import Fabrickfile, Info
from runtime.wasm.modules.fabrickfile_forms import is_semver
from runtime.wasm.modules.fabrickfile_reading import read_fabrickfile
from runtime.wasm.modules.function_section import with_schemas
from runtime.wasm.modules.manifest import Descriptor, Manifest
from runtime.wasm.modules.media_types import Part, part_of
from runtime.wasm.modules.module import LayerInfo, ModuleInfo
from runtime.wasm.modules.references import is_digest, parse_reference

INCOMING_HANDLER = "wasi:http/incoming-handler"
UNKNOWN_VERSION = "0.0.0"
_INTERPRETERS = {".py": "python", ".js": "qjs"}


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A module's layers by their part, in the manifest's order."""

    wasm: Descriptor
    sources: tuple[Descriptor, ...]
    files: tuple[Descriptor, ...]
    interpreted: bool


def shape_of(manifest: Manifest, name: str) -> Shape:
    """The layers by part. Raises Invalid MODULE_MANIFEST: no wasm, several, or source with nothing to run it."""
    parts = [(part_of(each.media_type, each.annotations), each) for each in manifest.layers]
    code = [(part, each) for part, each in parts if part in (Part.WASM, Part.RUNTIME)]
    if len(code) != 1:
        why = f"has {len(code)} layers of wasm, not one" if code else "has no layer of wasm: it is no module"
        raise Invalid("MODULE_MANIFEST", f"`{name}` {why}.", hint="Build or push it again.")
    part, wasm = code[0]
    sources = tuple(each for kind, each in parts if kind is Part.SOURCE)
    if sources and part is not Part.RUNTIME:
        raise Invalid("MODULE_MANIFEST", f"`{name}` has source layers, but no runtime layer that could run them.")
    return Shape(
        wasm=wasm,
        sources=sources,
        files=tuple(each for kind, each in parts if kind is Part.FILES),
        interpreted=bool(sources),
    )


def fabrickfile_of(manifest: Manifest, config: bytes, reference: str) -> Fabrickfile:
    """The module's Fabrickfile; where the config is another, or cannot be read, what the annotations tell.

    What it may is what its parents brought at its build besides; functions have their schemas written out.
    """
    found = _fabrickfile_of(manifest, config, reference)
    brought = read_note(manifest.annotations.get(types.CAPABILITIES, "{}"))
    return msgspec.structs.replace(
        found,
        capabilities=merged(brought, found.capabilities),
        functions=with_schemas(found.functions, _function_schemas(manifest)),
    )


def _function_schemas(manifest: Manifest) -> Mapping[str, Json]:
    try:
        return msgspec.json.decode(manifest.annotations.get(types.FUNCTION_SCHEMAS, "{}"), type=dict[str, Json])
    except msgspec.MsgspecError:
        return {}  # a function whose schema is missing is told of when its service runs


def _fabrickfile_of(manifest: Manifest, config: bytes, reference: str) -> Fabrickfile:
    if manifest.config.media_type == types.CONFIG:
        try:
            return read_fabrickfile(config).fabrickfile
        except Invalid:
            return _from_annotations(manifest, reference, "command", ())
    if manifest.config.media_type == types.CNCF_CONFIG:
        exports = _component_exports(config)
        http = any(each.startswith(INCOMING_HANDLER) for each in exports)
        return _from_annotations(manifest, reference, "http" if http else "command", exports)
    return _from_annotations(manifest, reference, "command", ())


def _from_annotations(manifest: Manifest, reference: str, guessed: ModuleType, exports: tuple[str, ...]) -> Fabrickfile:
    notes = manifest.annotations
    version = notes.get(types.MODULE_VERSION) or notes.get(types.VERSION) or ""
    said = notes.get(types.MODULE_TYPE)
    kind: ModuleType = said if said in ("command", "http", "tcp") else guessed  # type: ignore[assignment]  # checked
    return Fabrickfile(
        info=Info(
            name=notes.get(types.NAME) or _name_in(reference) or notes.get(types.TITLE) or "module",
            version=version if is_semver(version) else UNKNOWN_VERSION,
            type=kind,
            description=notes.get(types.DESCRIPTION, ""),
            license=notes.get(types.LICENSES),
        ),
        exports=exports,
    )


def _name_in(reference: str) -> str:
    if is_digest(reference):
        return ""
    try:
        return parse_reference(reference).name
    except Invalid:
        return ""


class _Component(msgspec.Struct, frozen=True):
    exports: tuple[str, ...] = ()


class _CncfConfig(msgspec.Struct, frozen=True):
    component: _Component | None = None


def _component_exports(config: bytes) -> tuple[str, ...]:
    try:
        component = msgspec.json.decode(config, type=_CncfConfig).component
    except msgspec.MsgspecError:
        return ()
    return component.exports if component else ()


def info_of(reference: str, descriptor: Descriptor, manifest: Manifest, fabrickfile: Fabrickfile) -> ModuleInfo:
    """What is told about the module; `problem` says why it cannot be run, if it cannot."""
    problem, interpreted = None, False
    try:
        interpreted = shape_of(manifest, reference).interpreted
    except Invalid as error:
        problem = error.message
    info = fabrickfile.info
    return ModuleInfo(
        reference=reference,
        name=info.name,
        version=info.version,
        digest=descriptor.digest,
        type=info.type,
        size=sum(each.size for each in manifest.blobs),
        created=manifest.annotations.get(types.CREATED) or descriptor.annotations.get(types.CREATED, ""),
        interpreted=interpreted,
        abi=info.abi,
        description=info.description,
        layers=tuple(_layer(each) for each in manifest.layers),
        exports=(*fabrickfile.exports, *fabrickfile.export_interfaces),
        imports=tuple(fabrickfile.imports),
        capabilities=_capabilities(fabrickfile),
        annotations=dict(manifest.annotations),
        problem=problem,
    )


def unreadable_info(reference: str, descriptor: Descriptor, error: FabricError) -> ModuleInfo:
    """What is told about a name behind which no readable module stands."""
    return ModuleInfo(
        reference=reference,
        name=_name_in(reference),
        version="",
        digest=descriptor.digest,
        type="",
        size=descriptor.size,
        problem=error.message,
    )


def _layer(layer: Descriptor) -> LayerInfo:
    part = part_of(layer.media_type, layer.annotations)
    return LayerInfo(
        media_type=layer.media_type, digest=layer.digest, size=layer.size, part=None if part is None else part.value
    )


def _capabilities(fabrickfile: Fabrickfile) -> Mapping[str, Json]:
    found: Mapping[str, Json] = msgspec.to_builtins(fabrickfile.capabilities)
    return found


def argv_of(fabrickfile: Fabrickfile, shape: Shape, place: Path) -> tuple[str, ...]:
    """How an interpreter wants to be called: as the module or its runtime says, else with the one `/runtime/main.*`."""
    if fabrickfile.runtime is not None and fabrickfile.runtime.argv:
        return fabrickfile.runtime.argv
    try:
        said = msgspec.json.decode(shape.wasm.annotations.get(types.RUNTIME_ARGV, "[]"), type=tuple[str, ...])
    except msgspec.MsgspecError:
        said = ()
    if said or not shape.interpreted:
        return said
    mains = sorted((place / "files" / "runtime").glob("main.*"))
    interpreter = _INTERPRETERS.get(mains[0].suffix) if len(mains) == 1 else None
    return (interpreter, f"/runtime/{mains[0].name}") if interpreter else ()
