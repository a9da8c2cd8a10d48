"""ModuleStore: the modules of this machine. Every method blocks on the disk: call it in a thread."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec

from catalog.catalog import nearest
from catalog.errors import FabricError, Invalid, NotFound
from runtime.clock import Clock, SystemClock, rfc3339
from runtime.wasm.modules.archive import gather_path
from runtime.wasm.modules.describing import argv_of, fabrickfile_of, info_of, shape_of, unreadable_info
from runtime.wasm.modules.fabrickfile import Fabrickfile
from runtime.wasm.modules.fabrickfile_reading import FILE_MOST
from runtime.wasm.modules.interface import Interface, read_interface
from runtime.wasm.modules.layout import Layout
from runtime.wasm.modules.manifest import Descriptor, Manifest, decode_manifest, encode_manifest
from runtime.wasm.modules.media_types import CNCF_CONFIG, CONFIG, MANIFEST, REF_NAME
from runtime.wasm.modules.module import Module, ModuleInfo
from runtime.wasm.modules.references import SCHEME, Reference, is_digest, parse_reference
from runtime.wasm.modules.staging import Staging, corrupt
from runtime.wasm.modules.unpacked import Unpacked, mounts_of

SHOWN_MOST = 20
"""Names that an error's `available_modules` lists."""

Infos = list[ModuleInfo]
Gather = Callable[[Staging], Manifest | bytes]
"""Puts a module's blobs into staging and answers its manifest (bytes where their digest must stay as it is)."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A module as it lies in the store."""

    name: str
    entry: Descriptor
    manifest: Manifest
    fabrickfile: Fabrickfile


class ModuleStore:
    """An OCI layout in `storage`, and in `unpacked` the modules that were wanted to run. `aliases`: short names."""

    def __init__(
        self,
        storage: Path,
        unpacked: Path,
        *,
        aliases: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self.layout = Layout(storage)
        self.unpacked = Unpacked(unpacked)
        self._aliases = aliases or {}

    def list(self) -> Infos:
        """Every module, by reference. One that cannot be read tells its `problem`."""
        return sorted((self._told(each) for each in self.layout.entries()), key=lambda each: each.reference)

    def find(self, reference: str) -> ModuleInfo | None:
        """The module of that name, None where there is none. Raises Invalid INVALID_REQUEST, Unavailable MODULE_*."""
        entry = self._entry(reference)
        return None if entry is None else self._told(entry)

    def get(self, reference: str) -> ModuleInfo:
        """The module of that name. Raises what `find` raises, and NotFound MODULE_NOT_FOUND with those there are."""
        return self._told(self.entry(reference))

    def resolve(self, reference: str) -> Module:
        """The module of that name, unpacked and ready to be compiled.

        Raises what `get` raises; Invalid MODULE_MANIFEST, MODULE_LAYER; TooLarge MODULE_TOO_LARGE.
        """
        stored = self.read(reference)
        shape = shape_of(stored.manifest, reference)
        place = self.unpacked.get(stored.entry, shape, self.checked)
        return Module(
            info=info_of(stored.name, stored.entry, stored.manifest, stored.fabrickfile),
            wasm=place / "module.wasm",
            wasm_digest=shape.wasm.hex,
            interpreted=shape.interpreted,
            app=place / "app" if shape.interpreted else None,
            mounts=mounts_of(place, shape),
            fabrickfile=stored.fabrickfile,
            argv=argv_of(stored.fabrickfile, shape, place),
        )

    def read(self, reference: str) -> Stored:
        """Manifest and Fabrickfile of the module of that name. Raises what `get` raises, Invalid MODULE_MANIFEST."""
        entry = self.entry(reference)
        manifest = self.manifest(entry)
        return Stored(name=_name(entry), entry=entry, manifest=manifest, fabrickfile=self._fabrickfile(entry, manifest))

    def interface(self, reference: str) -> Interface:
        """What its wasm imports and exports. Raises what `read` raises; Invalid MODULE_WASM."""
        stored = self.read(reference)
        return read_interface(self.layout.blob(shape_of(stored.manifest, reference).wasm.digest))

    def add(self, source: Path | Gather, reference: str) -> ModuleInfo:
        """Store a module under a name: all of it, or nothing. A name that was another's is now this one's.

        `source` is a `.wasm` file, an OCI layout's folder or its tar, or what gathers the parts. Raises Invalid
        INVALID_REQUEST, MODULE_MANIFEST, FILE_UNREADABLE; TooLarge MODULE_TOO_LARGE; Unavailable MODULE_*.
        """
        gather = gather_path(source) if isinstance(source, Path) else source
        wanted = parse_reference(reference)
        name = wanted.stored
        with self.layout.staging() as place:
            made = gather(place)
            content = encode_manifest(made) if isinstance(made, Manifest) else made
            manifest = decode_manifest(content, name)
            shape_of(manifest, name)
            descriptor = self._complete(place, manifest, content)
            if wanted.digest is not None and wanted.digest != descriptor.digest:
                raise Invalid(
                    "INVALID_REQUEST", f"`{name}` is not the module's digest, which is `{descriptor.digest}`."
                )
            needed = {descriptor.hex, *(each.hex for each in manifest.blobs)}
            self.layout.commit(place, descriptor, needed, name, rfc3339(self._clock.now_ns()))
        return self.get(name)

    def tag(self, reference: str, new: str) -> ModuleInfo:
        """Give a module one more name. Raises what `get` raises; Invalid INVALID_REQUEST for a new name by digest."""
        entry, wanted = self.entry(reference), parse_reference(new)
        if wanted.digest is not None and wanted.digest != entry.digest:
            raise Invalid("INVALID_REQUEST", f"`{new}` names another digest than `{entry.digest}`.")
        self.layout.tag(entry, wanted.stored)
        return self.get(new)

    def remove(self, reference: str) -> ModuleInfo:
        """Take a name away; blobs that no other name needs go with it. What runs goes on. Raises what `get` raises."""
        entry = self.entry(reference)
        told = self._told(entry)
        self.layout.remove(entry)
        return told

    def sweep(self, keep: Collection[str] = ()) -> None:
        """Remove unpacked modules that are neither in the store nor in `keep` (manifest digests).

        And what writers that died have left. For the daemon's start: nothing may run from what is removed.
        """
        self.unpacked.sweep({*keep, *(each.digest for each in self.layout.entries())})
        self.layout.sweep()

    def entry(self, reference: str) -> Descriptor:
        """The index's entry of that name. Raises what `get` raises."""
        found = self._entry(reference)
        if found is None:
            raise self._missing(reference)
        return found

    def manifest(self, entry: Descriptor) -> Manifest:
        """An entry's manifest. Raises Unavailable MODULE_CORRUPT, Invalid MODULE_MANIFEST."""
        return decode_manifest(self.layout.read(entry), _name(entry))

    def _entry(self, reference: str) -> Descriptor | None:
        """Exact name; any spelling of it; a name with a single tag; a digest."""
        entries = self.layout.entries()
        exact = [each for each in entries if each.annotations.get(REF_NAME) == reference]
        if exact:
            return exact[0]
        bare = self._aliases.get(reference.removeprefix(SCHEME), reference.removeprefix(SCHEME))
        if is_digest(bare):
            return next((each for each in entries if each.digest == bare), None)
        wanted = parse_reference(bare)
        named = [(found, each) for each in entries if (found := _parsed(each)) is not None]
        for found, each in named:
            if found.canonical == wanted.canonical:
                return each
        same = [each for found, each in named if _repository(found) == _repository(wanted)]
        if wanted.digest is not None:
            return next((each for each in same if each.digest == wanted.digest), None)
        # Several tags of one and the same module are as good as one.
        return same[0] if wanted.tag is None and len({each.digest for each in same}) == 1 else None

    def _missing(self, reference: str) -> NotFound:
        names = sorted(_name(each) for each in self.layout.entries())
        near = nearest(reference.removeprefix(SCHEME), names)
        several = [each for each in names if each.partition(":")[0] == reference.removeprefix(SCHEME)]
        hint = f"Did you mean `{near}`?" if near else "Build it with `fabric module build`, or pull it."
        if len(several) > 1:
            hint = f"It has several tags: name one, such as `{several[-1]}`."
        return NotFound(
            "MODULE_NOT_FOUND",
            f"There is no module `{reference[:200]}`.",
            hint=hint,
            details={"available_modules": names[:SHOWN_MOST]},
        )

    def _told(self, entry: Descriptor) -> ModuleInfo:
        try:
            manifest = self.manifest(entry)
            return info_of(_name(entry), entry, manifest, self._fabrickfile(entry, manifest))
        except FabricError as error:
            return unreadable_info(_name(entry), entry, error)

    def _fabrickfile(self, entry: Descriptor, manifest: Manifest) -> Fabrickfile:
        known = manifest.config.media_type in (CONFIG, CNCF_CONFIG)
        content = self.layout.read(manifest.config, FILE_MOST) if known else b""
        return fabrickfile_of(manifest, content, _name(entry))

    def _complete(self, place: Staging, manifest: Manifest, content: bytes) -> Descriptor:
        """Stage the manifest; hold on to blobs that are here already. Raises Invalid MODULE_MANIFEST."""
        staged = {each.name: each.stat().st_size for each in place.blobs()}
        for blob in manifest.blobs:
            if blob.hex not in staged and not place.link(self.layout.blob(blob.digest), blob.hex):
                raise Invalid("MODULE_MANIFEST", f"The module's blob `{blob.digest}` is missing.")
            if staged.get(blob.hex, blob.size) != blob.size:
                raise Invalid("MODULE_MANIFEST", f"The module's blob `{blob.digest}` is not {blob.size} bytes long.")
        return place.put(iter((content,)), manifest.media_type or MANIFEST)

    def checked(self, wanted: Descriptor, at: Path | None = None) -> Path:
        """Where a blob is (`at`, or in the layout), having read it through. Raises Unavailable MODULE_CORRUPT."""
        path = at or self.layout.blob(wanted.digest)
        try:
            with path.open("rb") as file:
                found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        except OSError as error:
            raise corrupt(wanted, f"its blob cannot be read ({error.strerror})") from None
        if found != wanted.digest:
            raise corrupt(wanted, "its content has another digest")
        return path


def _name(entry: Descriptor) -> str:
    return entry.annotations.get(REF_NAME, entry.digest)


def _parsed(entry: Descriptor) -> Reference | None:
    try:
        return parse_reference(_name(entry)) if REF_NAME in entry.annotations else None
    except Invalid:
        return None  # a name that another tool gave: found by that very name, or by digest


def _repository(reference: Reference) -> tuple[str, str]:
    return reference.registry, reference.repository
