"""Building: from a folder with a Fabrickfile to a module in the store."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from catalog.errors import GuestFailed, Invalid, NotFound
from runtime.forms.plain_file import open_plain
from runtime.wasm.modules import media_types as types
from runtime.wasm.modules.capabilities import merged, write_note
from runtime.wasm.modules.commands import run_command
from runtime.wasm.modules.fabrickfile import FILE_NAME, BuildStep, Fabrickfile
from runtime.wasm.modules.fabrickfile_reading import FILE_MOST, read_fabrickfile
from runtime.wasm.modules.function_section import Function, check_function, schema_files, with_schemas
from runtime.wasm.modules.inheriting import Parent
from runtime.wasm.modules.interface import read_interface
from runtime.wasm.modules.manifest import Descriptor, Manifest
from runtime.wasm.modules.module import ModuleInfo
from runtime.wasm.modules.packing import pack
from runtime.wasm.modules.plugin_section import read_schemas
from runtime.wasm.modules.progress import SILENT, Progress
from runtime.wasm.modules.references import parse_reference, version_tag
from runtime.wasm.modules.schema_files import read_schema_files
from runtime.wasm.modules.sources import ENTRYPOINT_FILE, entrypoint_file, guest_files, source_files
from runtime.wasm.modules.staging import Staging, unreadable
from runtime.wasm.modules.store import ModuleStore

COMMAND_SECONDS = 1800.0
"""How long one command of a build may take."""
DEFAULT_ENTRYPOINT = "app:handler"


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """A folder's Fabrickfile, as it is written and as it is read."""

    folder: Path
    content: bytes
    fabrickfile: Fabrickfile
    warnings: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The name that a build has where none is given: `name:version`."""
        return f"{self.fabrickfile.info.name}:{version_tag(self.fabrickfile.info.version)}"


def read_folder(folder: Path, *, strict: bool = False) -> Blueprint:
    """Read a folder's Fabrickfile. Raises NotFound BUILD_NO_FABRICKFILE, Invalid INVALID_REQUEST, FILE_UNREADABLE."""
    path = folder / FILE_NAME
    try:
        with open_plain(path) as file:
            content = file.read(FILE_MOST + 1)
    except FileNotFoundError:
        raise NotFound(
            "BUILD_NO_FABRICKFILE", f"There is no `{FILE_NAME}` in `{folder}`.", hint="Name the folder that holds it."
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None
    read = read_fabrickfile(content, strict=strict)
    return Blueprint(folder=folder, content=content, fabrickfile=read.fabrickfile, warnings=tuple(read.warnings))


async def build(
    folder: Path,
    store: ModuleStore,
    *,
    tag: str | None = None,
    run_build: bool = True,
    strict: bool = False,
    progress: Progress = SILENT,
    slots: asyncio.Semaphore | None = None,
    seconds: float = COMMAND_SECONDS,
) -> ModuleInfo:
    """Build the module of `folder` and store it as `tag` (else `name:version`); `slots` bounds builds side by side.

    With `run_build` false no command is run and the output must be there. Equal sources make an equal digest. Raises
    GuestFailed BUILD_FAILED; Invalid INVALID_REQUEST, BUILD_SOURCE, FILE_UNREADABLE; NotFound BUILD_NO_FABRICKFILE,
    MODULE_NOT_FOUND (the runtime's image); Unavailable MODULE_*.
    """
    blueprint = await asyncio.to_thread(read_folder, folder, strict=strict)
    for warning in blueprint.warnings:
        progress.step(f"warning: {warning}")
    reference = tag or blueprint.reference
    parse_reference(reference)
    if run_build and blueprint.fabrickfile.build is not None:
        async with slots or contextlib.nullcontext():
            await _run(blueprint, blueprint.fabrickfile.build, progress, seconds)
    progress.step(f"packing {reference}")
    return await asyncio.to_thread(store.add, lambda place: _gather(blueprint, store, place), reference)


async def _run(blueprint: Blueprint, step: BuildStep, progress: Progress, seconds: float) -> None:
    for command in (*step.pre_build, *((step.command,) if step.command else ()), *step.post_build):
        progress.step(f"$ {command}")
        await run_command(
            command,
            folder=blueprint.folder / step.workdir,
            environment=step.environment,
            progress=progress,
            seconds=seconds,
        )


def _gather(blueprint: Blueprint, store: ModuleStore, place: Staging) -> Manifest:
    fabrickfile = blueprint.fabrickfile
    parent = _parent(fabrickfile, store)
    if fabrickfile.validate.check_imports:
        _check_imports(blueprint, store)
    layers = [_code(blueprint, parent, place), *parent.shared]
    if fabrickfile.source is not None:
        layers.append(_source_layer(blueprint, place))
    files = guest_files(blueprint.folder, fabrickfile.files)
    if files:
        layers.append(_files_layer(fabrickfile.files, files, place))
    return Manifest(
        schema_version=2,
        media_type=types.MANIFEST,
        artifact_type=types.MODULE,
        config=place.put(iter((blueprint.content,)), types.CONFIG),
        layers=tuple(layers),
        annotations={**_annotations(fabrickfile, parent), **_plugin_schemas(blueprint), **_function_schemas(blueprint)},
    )


def parent_image(fabrickfile: Fabrickfile) -> str | None:
    """The module that this one is built on: its interpreter, or `[from] image`."""
    if fabrickfile.source is not None and fabrickfile.runtime is not None:
        return fabrickfile.runtime.image
    return fabrickfile.origin.image if fabrickfile.origin else None


def _parent(fabrickfile: Fabrickfile, store: ModuleStore) -> Parent:
    image = parent_image(fabrickfile)
    return Parent.of(store, image, interpreter=fabrickfile.interpreted) if image else Parent()


def _code(blueprint: Blueprint, parent: Parent, place: Staging) -> Descriptor:
    """The wasm layer: the interpreter, what was built, a file that is named, the parent's."""
    fabrickfile, name = blueprint.fabrickfile, blueprint.fabrickfile.info.name
    path = None
    if fabrickfile.build is not None:
        path = blueprint.folder / fabrickfile.build.output
    elif fabrickfile.origin is not None and fabrickfile.origin.path is not None:
        path = blueprint.folder / fabrickfile.origin.path
    if fabrickfile.interpreted or path is None:
        if parent.code is None:
            raise Invalid("INVALID_REQUEST", "The Fabrickfile does not say where the module comes from.")
        return parent.code
    if not path.is_file():
        raise _no_output(path, "is not there")
    try:
        interface = read_interface(path)
    except Invalid as error:
        raise _no_output(path, f"is not a wasm module: {error.message}") from None
    missing = sorted(set(fabrickfile.exports) - set(interface.exports))
    if fabrickfile.validate.check_exports and not interface.component and missing:
        raise _no_output(path, f"does not export {_listed([f'`{each}`' for each in missing])}")
    return _titled(place.put_file(path, types.WASM), f"{name}.wasm")


def _source_layer(blueprint: Blueprint, place: Staging) -> Descriptor:
    source, runtime = blueprint.fabrickfile.source, blueprint.fabrickfile.runtime
    assert source is not None  # noqa: S101 - the caller asked
    files = source_files(blueprint.folder / source.path, source.include, source.exclude)
    said = source.entrypoint or (runtime.handler if runtime else None)
    if said or ENTRYPOINT_FILE not in files:
        files[ENTRYPOINT_FILE] = entrypoint_file(said or DEFAULT_ENTRYPOINT)
    return _titled(pack(files, place, types.SOURCE), "source.tar.gz")


def _files_layer(table: Mapping[str, str], files: Mapping[str, Path | bytes], place: Staging) -> Descriptor:
    targets = [each.rstrip("/") for each in table.values()]
    # A guest is given directories: for a single file it is the one the file lies in.
    folders = sorted({str(PurePosixPath(each).parent) if each[1:] in files else each for each in targets})
    if "/" in folders:
        raise Invalid("BUILD_SOURCE", "A file cannot lie in the guest's `/`.", hint="Give it a folder, such as `/etc`.")
    layer = _titled(pack(files, place, types.FILES), "files.tar.gz")
    note = msgspec.json.encode(folders).decode()
    return msgspec.structs.replace(layer, annotations={**layer.annotations, types.TARGETS: note})


def _check_imports(blueprint: Blueprint, store: ModuleStore) -> None:
    for name, wanted in blueprint.fabrickfile.imports.items():
        if wanted.image is not None:
            store.entry(wanted.image)
        elif wanted.path is not None and not (blueprint.folder / wanted.path).exists():
            raise Invalid("BUILD_SOURCE", f"The import `{name}` names `{wanted.path}`, which is not there.")


def _annotations(fabrickfile: Fabrickfile, parent: Parent) -> dict[str, str]:
    info = fabrickfile.info
    found = {
        types.FORMAT: types.FORMAT_VERSION,
        types.NAME: info.name,
        types.MODULE_VERSION: info.version,
        types.MODULE_TYPE: info.type,
        types.TITLE: info.name,
        types.VERSION: info.version,
        types.DESCRIPTION: info.description,
        types.AUTHORS: ", ".join(info.authors),
        types.LICENSES: info.license or "",
        types.SOURCE_URL: info.repository or "",
        types.RUNTIME_IMAGE: parent.reference if fabrickfile.interpreted else "",
        types.EXPORTS: _listed((*fabrickfile.exports, *fabrickfile.export_interfaces)),
        types.IMPORTS: _listed(sorted(fabrickfile.imports)),
        types.CAPABILITIES: write_note(merged(parent.capabilities, fabrickfile.capabilities)),
    }
    return {key: value for key, value in found.items() if value}


def _plugin_schemas(blueprint: Blueprint) -> dict[str, str]:
    plugin = blueprint.fabrickfile.plugin
    found = {} if plugin is None else read_schemas(blueprint.folder, plugin)
    return {types.PLUGIN_SCHEMAS: msgspec.json.encode(found, order="sorted").decode()} if found else {}


def _function_schemas(blueprint: Blueprint) -> dict[str, str]:
    """What the functions' schemas are, where these are files; every schema is looked at."""
    found = read_schema_files(blueprint.folder, schema_files(blueprint.fabrickfile.functions))
    for function in with_schemas(blueprint.fabrickfile.functions, found):
        check_function(function)
    return {types.FUNCTION_SCHEMAS: msgspec.json.encode(found, order="sorted").decode()} if found else {}


def functions_of(blueprint: Blueprint) -> tuple[Function, ...]:
    """The functions that a service of it will export, schemas written out. Raises what reading a schema's file does."""
    functions = blueprint.fabrickfile.functions
    return with_schemas(functions, read_schema_files(blueprint.folder, schema_files(functions)))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _titled(layer: Descriptor, title: str) -> Descriptor:
    return msgspec.structs.replace(layer, annotations={types.TITLE: title})


def _no_output(path: Path, why: str) -> GuestFailed:
    return GuestFailed(
        "BUILD_FAILED",
        f"The build's output `{path}` {why}.",
        hint="Correct `[build] output`, or let the build run.",
        details={"exit_code": None, "output": ""},
    )
