"""Archive: modules that come as files: a `.wasm`, the folder of an OCI layout, or such a folder as a tar."""

import shutil
import tarfile
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from catalog.errors import Invalid
from runtime.forms.plain_file import open_plain
from runtime.wasm.modules import media_types as types
from runtime.wasm.modules.manifest import MANIFEST_MOST, Descriptor, Manifest, decode_manifest, digest_of
from runtime.wasm.modules.staging import Staging, store_failed, unreadable
from runtime.wasm.modules.unpack import Budget, unpack_layer

WASM_MAGIC = b"\0asm"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"


Known = Callable[[str], Path]
"""Where a blob of that digest stands, or would."""


def gather_path(
    path: Path, kind: str | None = None, *, known: Known | None = None
) -> Callable[[Staging], Manifest | bytes]:
    """What puts the module at `path` into staging; a bare `.wasm` becomes a module of the type `kind`.

    A blob that a layout leaves out is taken from `known`.

    When it is called it raises Invalid FILE_UNREADABLE, MODULE_ARCHIVE.
    """

    def gather(place: Staging) -> Manifest | bytes:
        if path.is_dir():
            return _gather_layout(path, place, known)
        if head_of(path).startswith(WASM_MAGIC):
            return _gather_wasm(path, kind, place)
        return _gather_tar(path, place, known)

    return gather


def head_of(path: Path) -> bytes:
    """A file's first eight bytes. Raises Invalid FILE_UNREADABLE."""
    try:
        with open_plain(path) as file:
            return file.read(8)
    except OSError as error:
        raise unreadable(path, error) from None


def export_layout(
    blob_at: Known, manifest: Descriptor, parts: Manifest, name: str, into: Path, *, without: Collection[str] = ()
) -> None:
    """Write one module as a tar of an OCI layout, as `add` and other OCI tools read it.

    Blobs whose digest is in `without` are left out, for a store that has them.
    """
    entry = {**msgspec.to_builtins(manifest), "annotations": {types.REF_NAME: name}}
    index = {"schemaVersion": 2, "mediaType": types.INDEX, "manifests": [entry]}
    with tempfile.TemporaryDirectory() as folder, tarfile.open(into, "w", format=tarfile.PAX_FORMAT) as tar:
        for file, value in (("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", index)):
            made = Path(folder, file)
            made.write_bytes(msgspec.json.encode(value))
            tar.add(made, file, filter=_plain)
        for blob in (manifest, *parts.blobs):
            if blob.digest not in without:
                tar.add(blob_at(blob.digest), f"blobs/sha256/{blob.hex}", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime, member.mode = 0, 0o644
    return member


def _gather_wasm(path: Path, kind: str | None, place: Staging) -> Manifest:
    notes = {types.FORMAT: types.FORMAT_VERSION, **({types.MODULE_TYPE: kind} if kind else {})}
    layer = place.put_file(path, types.PLAIN_WASM)
    return Manifest(
        schema_version=2,
        media_type=types.MANIFEST,
        artifact_type=types.MODULE,
        config=place.put(iter((b"{}",)), EMPTY_CONFIG),
        layers=(layer,),
        annotations=notes,
    )


def _gather_tar(path: Path, place: Staging, known: Known | None) -> bytes:
    folder = Path(tempfile.mkdtemp(dir=place.folder))
    try:
        unpack_layer(path, folder, Budget())
        return _gather_layout(folder, place, known)
    except Invalid as error:
        raise Invalid(
            "MODULE_ARCHIVE",
            f"`{path.name}` is neither a wasm module nor an OCI layout: {error.message}",
            hint="Give a `.wasm` file, an OCI layout's folder, or that folder as a tar.",
        ) from None
    except OSError as error:
        raise store_failed(place.folder, error.strerror or str(error)) from None
    finally:
        shutil.rmtree(folder)


def _gather_layout(folder: Path, place: Staging, known: Known | None) -> bytes:
    index = _read(folder / "index.json")
    try:
        entries = msgspec.json.decode(index, type=_Index).manifests
    except msgspec.MsgspecError as error:
        raise Invalid("MODULE_ARCHIVE", f"Its `index.json` is no OCI index: {error}.") from None
    if len({each.digest for each in entries}) != 1:
        raise Invalid("MODULE_ARCHIVE", f"Its `index.json` names {len(entries)} modules, not one.")
    entry = entries[0]
    content = _read(folder / "blobs" / "sha256" / entry.hex)
    if digest_of(content) != entry.digest:
        raise Invalid("MODULE_ARCHIVE", f"Its blob `{entry.digest}` has another digest.")
    for blob in decode_manifest(content, entry.digest).blobs:
        path = folder / "blobs" / "sha256" / blob.hex
        if known is not None and not path.exists() and place.link(known(blob.digest), blob.hex):
            continue
        found = place.put_file(path, blob.media_type)
        if found.digest != blob.digest:
            raise Invalid("MODULE_ARCHIVE", f"Its blob `{blob.digest}` has another digest.")
    return content


class _Index(msgspec.Struct, frozen=True):
    manifests: list[Descriptor]


def _read(path: Path) -> bytes:
    try:
        with open_plain(path) as file:
            content = file.read(MANIFEST_MOST + 1)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(content) > MANIFEST_MOST:
        raise Invalid("MODULE_ARCHIVE", f"Its `{path.name}` has over {MANIFEST_MOST} bytes.")
    return content
