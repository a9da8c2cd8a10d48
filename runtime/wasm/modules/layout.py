"""Layout: an OCI image layout on disk, version 1.0.0, as other OCI tools read and write it.

    oci-layout             {"imageLayoutVersion": "1.0.0"}
    index.json             one descriptor a reference, named by the annotation org.opencontainers.image.ref.name
    blobs/sha256/<hex>     every config, layer and manifest once, read-only

Whoever changes the index holds an exclusive lock on `.fabric.lock`; blobs come by rename from a staging directory under
the same lock, so that a clean-up sees either a whole module or none of it. All of it blocks on the disk.
"""

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from catalog.errors import FabricError, NotFound, Unavailable
from catalog.jsonvalue import Json
from runtime.wasm.modules.manifest import MANIFEST_MOST, Descriptor, decode_manifest, digest_of
from runtime.wasm.modules.media_types import CREATED, INDEX, REF_NAME
from runtime.wasm.modules.staging import FRESH, Staging, corrupt, staging, store_failed, sweep

LAYOUT_VERSION = "1.0.0"
INDEX_MOST = 16 * 1024 * 1024
_DRAFT = ".draft-"


class Layout:
    """One image layout. A folder that is not there yet reads as an empty one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs" / "sha256"

    def entries(self) -> list[Descriptor]:
        """The index's descriptors. Raises Unavailable MODULE_STORE: the index cannot be read."""
        return self._entries(self._index())

    def blob(self, digest: str) -> Path:
        """Where that blob stands, or would."""
        return self._blobs / digest.removeprefix("sha256:")

    def read(self, wanted: Descriptor, most: int = MANIFEST_MOST) -> bytes:
        """A small blob's content, checked. Raises Unavailable MODULE_CORRUPT: absent, too large or changed."""
        if wanted.size > most:
            raise corrupt(wanted, f"it has over {most} bytes")
        try:
            with self.blob(wanted.digest).open("rb") as file:
                content = file.read(most + 1)
        except OSError as error:
            raise corrupt(wanted, f"its blob cannot be read ({error.strerror})") from None
        if digest_of(content) != wanted.digest:
            raise corrupt(wanted, "its content has another digest")
        return content

    @contextlib.contextmanager
    def staging(self) -> Iterator[Staging]:
        """A place to gather a module's blobs in. Raises Unavailable MODULE_STORE."""
        self._prepare()
        with staging(self.folder) as place:
            yield place

    def commit(
        self, place: Staging, manifest: Descriptor, needed: Collection[str], reference: str, created: str
    ) -> None:
        """Take over the staged blobs that are `needed` (hexadecimal); whoever had the name `reference` loses it.

        `created` (RFC 3339) is noted in the index alone, so that equal sources have equal digests.
        """

        def change(entries: list[Json]) -> None:
            entry = msgspec.to_builtins(manifest)
            entry["annotations"] = {**entry.get("annotations", {}), REF_NAME: reference, CREATED: created}
            _put(entries, reference, entry)

        self._change(change, [each for each in place.blobs() if each.name in needed])

    def tag(self, manifest: Descriptor, reference: str) -> None:
        """Give a manifest that is here one more name."""

        def change(entries: list[Json]) -> None:
            found = next((each for each in entries if each["digest"] == manifest.digest), None)
            if found is None:
                raise NotFound("MODULE_NOT_FOUND", f"`{manifest.digest}` has just been removed.", hint="Add it again.")
            _put(entries, reference, {**found, "annotations": {**found.get("annotations", {}), REF_NAME: reference}})

        self._change(change)

    def remove(self, entry: Descriptor) -> None:
        """Take this entry out of the index, and with it every blob that no other entry needs."""
        name = entry.annotations.get(REF_NAME)

        def change(entries: list[Json]) -> None:
            same = [each for each in entries if each["digest"] == entry.digest and _name(each) == name]
            if not same:
                raise NotFound("MODULE_NOT_FOUND", f"`{name or entry.digest}` has just been removed.")
            for each in same:
                entries.remove(each)

        self._change(change)

    def sweep(self) -> None:
        """Remove what writers that died have left: staging directories, drafts, and blobs that no entry needs.

        Blobs written a moment ago stay: another tool, which knows no lock, may be about to name them. All stay while it
        cannot be known what an entry needs. Raises Unavailable MODULE_STORE.
        """
        if not self._blobs.is_dir():
            return
        sweep(self.folder)
        with self._locked():
            for draft in self.folder.glob(f"{_DRAFT}*"):
                draft.unlink()
            unread: list[Descriptor] = []
            needed = self._reachable(self.entries(), unread)
            if not unread:
                self._remove_strays(needed)

    def _remove_strays(self, needed: Collection[str]) -> None:
        before = time.time() - FRESH
        for blob in self._blobs.iterdir():
            if blob.name not in needed and blob.stat().st_mtime < before:
                blob.unlink()

    def _change(self, change: Callable[[list[Json]], None], blobs: Sequence[Path] = ()) -> None:
        self._prepare()
        with self._locked():
            index = self._index()
            before = self._reachable(self._entries(index), [])
            change(index["manifests"])
            # Whatever can lack space is written before the first blob moves: a failure leaves no blob behind.
            draft = self._draft(index)
            try:
                for blob in blobs:
                    blob.rename(self._blobs / blob.name)
                _sync(self._blobs)
                draft.replace(self.folder / "index.json")
                _sync(self.folder)
                for left in before - self._reachable(self._entries(index), []):
                    (self._blobs / left).unlink(missing_ok=True)
            except OSError as error:
                draft.unlink(missing_ok=True)
                raise store_failed(self.folder, error.strerror or str(error)) from None

    def _reachable(self, entries: list[Descriptor], unread: list[Descriptor]) -> set[str]:
        """The hexadecimal digests that these entries need. One that cannot be read keeps itself, and is `unread`."""
        found = set()
        for entry in entries:
            if entry.hex in found:
                continue
            found.add(entry.hex)
            try:
                found |= self._below(self.read(entry), entry, unread)
            except (FabricError, msgspec.MsgspecError):
                unread.append(entry)  # its own blob stays, so that a person can look at it
        return found

    def _below(self, content: bytes, entry: Descriptor, unread: list[Descriptor]) -> set[str]:
        if entry.media_type == INDEX:
            return self._reachable(msgspec.json.decode(content, type=_Nested).manifests, unread)
        return {each.hex for each in decode_manifest(content, entry.digest).blobs}

    def _entries(self, index: Json) -> list[Descriptor]:
        return [_descriptor(each) for each in index["manifests"]]

    def _index(self) -> Json:
        path = self.folder / "index.json"
        try:
            if path.stat().st_size > INDEX_MOST:
                raise store_failed(path, f"it has over {INDEX_MOST} bytes")
            found = msgspec.json.decode(path.read_bytes())
        except FileNotFoundError:
            return {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        except (OSError, msgspec.DecodeError) as error:
            raise store_failed(path, str(error)) from None
        if not isinstance(found, dict) or not isinstance(found.get("manifests"), list):
            raise store_failed(path, "it is no OCI index")
        return found

    def _prepare(self) -> None:
        try:
            self._blobs.mkdir(parents=True, exist_ok=True)
            if not (self.folder / "oci-layout").exists():
                self._draft({"imageLayoutVersion": LAYOUT_VERSION}).replace(self.folder / "oci-layout")
        except OSError as error:
            raise store_failed(self.folder, error.strerror or str(error)) from None

    def _draft(self, value: Json) -> Path:
        descriptor, draft = tempfile.mkstemp(dir=self.folder, prefix=_DRAFT)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(value))
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
        except OSError as error:
            Path(draft).unlink(missing_ok=True)
            raise store_failed(self.folder, error.strerror or str(error)) from None
        return Path(draft)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.folder / ".fabric.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class _Nested(msgspec.Struct, frozen=True):
    manifests: list[Descriptor]


def _put(entries: list[Json], reference: str, entry: Json) -> None:
    entries[:] = [each for each in entries if _name(each) != reference]
    entries.append(entry)


def _name(entry: Json) -> str | None:
    return _descriptor(entry).annotations.get(REF_NAME)


def _descriptor(entry: Json) -> Descriptor:
    try:
        return msgspec.convert(entry, Descriptor)
    except msgspec.ValidationError as error:
        raise Unavailable("MODULE_STORE", f"The index has an entry that is no descriptor: {error}.") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
