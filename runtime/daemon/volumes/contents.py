"""Contents: what lies on the disk for a volume, by generation. Everything here blocks: call it in a thread.

    <base>/<volume id>/data-<generation>/      plain files, owned by whom services run as
                       sealed-<generation>     the same as an encrypted archive
                       backups/                unless another destination is named

Nothing is changed in place. A new generation is made in full, then the volume's record is written, then `tidy` removes
what no record names: after a crash the same happens at the next start.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from catalog.errors import FabricError, Invalid, Unavailable
from runtime.daemon.files import sync_folder
from runtime.daemon.volumes.archive import Readable, Writable, read_tree, write_tree
from runtime.daemon.volumes.sealing import SealedReader, SealedWriter
from runtime.daemon.volumes.tree import Measured, measure, remove_tree
from runtime.daemon.volumes.volume import Volume

BACKUPS = "backups"
SLACK = 64 * 1024 * 1024


class Contents:
    """`owner` is the user and group (by number) that services run as, None for the daemon's own."""

    def __init__(self, base: Path, key: bytes | None, owner: tuple[int, int] | None) -> None:
        self._base = base
        self._key = key
        self._owner = owner

    @property
    def has_key(self) -> bool:
        """Can anything be encrypted?"""
        return self._key is not None

    def folder(self, volume: Volume) -> Path:
        """The volume's own directory."""
        return self._base / volume.id

    def data(self, volume: Volume) -> Path:
        """Where its plain files are, or would be."""
        return self.folder(volume) / f"data-{volume.generation}"

    def sealed(self, volume: Volume) -> Path:
        """Where its encrypted archive is, or would be."""
        return self.folder(volume) / f"sealed-{volume.generation}"

    def make_empty(self, volume: Volume) -> None:
        """Make the data directory of this generation. Raises Unavailable VOLUME_UNAVAILABLE."""
        with told(volume):
            self._make_folder(volume)
            self._make_data(volume)
            sync_folder(self.folder(volume))

    def seal(self, old: Volume, new: Volume) -> None:
        """Write the encrypted archive `new` of the plain files `old`. Raises FabricError."""
        with told(old), draft(self.sealed(new)) as out:
            writer = SealedWriter(out, self._the_key())
            write_tree(self.data(old), writer, archive_most(old))
            writer.finish()

    def unseal(self, volume: Volume) -> None:
        """Make the plain files of a sealed volume. Raises FabricError, and then leaves none."""
        with told(volume), self.sealed(volume).open("rb") as file:
            self.unpack(volume, SealedReader(file, self._the_key()))

    def unpack(self, volume: Volume, source: Readable) -> None:
        """Make the plain files of this generation of an archive. Raises FabricError, and then leaves none."""
        with told(volume):
            data = self._make_data(volume)
            try:
                read_tree(source, data, most=archive_most(volume), owner=self._owner)
                sync_folder(data)
                sync_folder(self.folder(volume))
            except (OSError, FabricError):
                remove_tree(data)
                raise

    def opened(self, file: BinaryIO, encrypted: bool) -> Readable:
        """What an archive's file holds, decrypted if need be. Raises Conflict VOLUME_KEY_WRONG, VOLUME_DAMAGED."""
        return SealedReader(file, self._the_key()) if encrypted else file

    def write_archive(self, volume: Volume, out: Writable) -> None:
        """Write the volume's files as they are now, encrypted where it is an encrypted volume. Raises FabricError."""
        with told(volume):
            if not volume.spec.encrypted:
                write_tree(self.data(volume), out, archive_most(volume))
                return
            writer = SealedWriter(out, self._the_key())
            write_tree(self.data(volume), writer, archive_most(volume))
            writer.finish()

    def measure(self, volume: Volume, enough: int | None = None) -> Measured:
        """What the plain files take. Raises Unavailable VOLUME_UNAVAILABLE."""
        with told(volume):
            return measure(self.data(volume), enough)

    def check(self, volume: Volume) -> None:
        """Is what the record names there? Raises Unavailable VOLUME_UNAVAILABLE."""
        wanted = self.sealed(volume) if volume.sealed else self.data(volume)
        if not wanted.exists():
            raise Unavailable(
                "VOLUME_UNAVAILABLE",
                f"Volume `{volume.spec.name}` has lost its files: `{wanted}` is not there.",
                hint="Is the disk mounted? Else restore a backup, or delete the volume.",
            )

    def tidy(self, volume: Volume) -> None:
        """Remove what the record does not name. Raises Unavailable VOLUME_UNAVAILABLE."""
        kept = {BACKUPS, (self.sealed(volume) if volume.sealed else self.data(volume)).name}
        with told(volume):
            for each in [*self.folder(volume).iterdir()] if self.folder(volume).is_dir() else []:
                if each.name in kept:
                    continue
                if each.is_symlink() or not each.is_dir():
                    each.unlink()
                else:
                    remove_tree(each)

    def remove(self, volume: Volume) -> None:
        """Remove all of it, with the backups that lie there. Raises Unavailable VOLUME_UNAVAILABLE."""
        with told(volume):
            remove_tree(self.folder(volume))

    def tidy_base(self, ids: set[str]) -> list[str]:
        """Remove rubbish from the base, and tell which directories there belong to no volume. Raises Unavailable."""
        strangers = []
        try:
            self._base.mkdir(mode=0o711, parents=True, exist_ok=True)
            for each in self._base.iterdir():
                if each.name.startswith("rubbish-"):
                    remove_tree(each)
                elif each.name not in ids:
                    strangers.append(each.name)
        except OSError as error:
            raise Unavailable(
                "VOLUME_UNAVAILABLE",
                f"`{self._base}` cannot hold volumes: {error.strerror}.",
                hint="Make it writable for the daemon's user, or name another `volume_base_path`.",
            ) from None
        return sorted(strangers)

    def _make_folder(self, volume: Volume) -> None:
        folder = self.folder(volume)
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        folder.chmod(0o711)

    def _make_data(self, volume: Volume) -> Path:
        data = self.data(volume)
        remove_tree(data)
        data.mkdir(mode=0o700)
        if self._owner is not None:
            os.chown(data, *self._owner)
        return data

    def _the_key(self) -> bytes:
        if self._key is None:
            raise Invalid(
                "INVALID_REQUEST",
                "The volume is encrypted, and the daemon has no key.",
                hint="Start the daemon with FABRICKS_VOLUME_KEY; `openssl rand -hex 32` makes one.",
            )
        return self._key


def archive_most(volume: Volume) -> int:
    """Bytes that a volume's files may have in an archive: more than its size, because files may be sparse."""
    return 2 * volume.spec.size + SLACK


@contextmanager
def draft(path: Path) -> Iterator[BinaryIO]:
    """A file (0600) that stands at `path` only once it is whole and on the disk. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.part")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(descriptor)
        unfinished.replace(path)
        sync_folder(path.parent)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextmanager
def told(volume: Volume) -> Iterator[None]:
    """The disk's errors as ours."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            "VOLUME_UNAVAILABLE",
            f"The files of volume `{volume.spec.name}` cannot be used: {error.strerror or error}.",
            hint="Look at the disk, and at who owns `volume_base_path`.",
            details={"volume": volume.spec.name},
        ) from None
