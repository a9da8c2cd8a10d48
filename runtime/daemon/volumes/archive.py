"""Archive: a tree as a tar stream, and back. Links are kept as links and never followed. Everything here blocks."""

import os
import stat
import tarfile
from pathlib import Path
from typing import IO, Protocol, cast

from catalog.errors import Conflict
from runtime.daemon.volumes.tree import Entry, walk

BLOCK = 1024 * 1024

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Readable(Protocol):
    """Bytes come out of it."""

    def read(self, count: int, /) -> bytes:
        """Up to so many bytes; none at the end."""
        ...


class Writable(Protocol):
    """Bytes go into it."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""
        ...


def write_tree(root: Path, out: Writable, most: int) -> int:
    """Write everything below `root` as tar; the count of bytes of its files. Sockets and devices are left out.

    A file that shrinks meanwhile is filled up with zeros. Raises OSError; Conflict VOLUME_TOO_DEEP, and VOLUME_FULL
    where the files have over `most` bytes (a sparse file counts with its whole length).
    """
    total = 0
    with tarfile.open(fileobj=cast("IO[bytes]", _Stream(out)), mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for entry in walk(root):
            total += _put(tar, entry)
            _forget_members(tar)
            if total > most:
                raise Conflict("VOLUME_FULL", f"The volume's files have over {most} bytes.", hint="Remove some.")
    return total


def _forget_members(tar: tarfile.TarFile) -> None:
    """tarfile remembers every member for random access; a stream needs none, and there may be millions."""
    vars(tar)["members"].clear()


def _put(tar: tarfile.TarFile, entry: Entry) -> int:
    info = tarfile.TarInfo(entry.path)
    info.mtime, info.mode = entry.stat.st_mtime, entry.stat.st_mode & 0o777
    kind = entry.stat.st_mode
    try:
        if stat.S_ISDIR(kind):
            info.type = tarfile.DIRTYPE
        elif stat.S_ISLNK(kind):
            info.type, info.linkname = tarfile.SYMTYPE, os.readlink(entry.name, dir_fd=entry.folder)
        elif stat.S_ISREG(kind):
            return _put_file(tar, entry, info)
        else:
            return 0
    except (FileNotFoundError, NotADirectoryError):
        return 0  # gone, or something else by now
    tar.addfile(info)
    return 0


def _put_file(tar: tarfile.TarFile, entry: Entry, info: tarfile.TarInfo) -> int:
    try:
        descriptor = entry.open()
    except OSError:
        if stat.S_ISREG(os.stat(entry.name, dir_fd=entry.folder, follow_symlinks=False).st_mode):
            raise
        return 0
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return 0
        info.size = found.st_size
        tar.addfile(info, cast("IO[bytes]", _Filled(file)))
    return info.size


class _Filled:
    """A file that never ends early: what is missing is zeros. tarfile asks for no more than the size it was told."""

    def __init__(self, file: Readable) -> None:
        self._file = file

    def read(self, count: int) -> bytes:
        parts, left = [], count
        while left:
            part = self._file.read(left)
            if not part:
                parts.append(bytes(left))
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


class _Stream:
    """What tarfile writes to."""

    def __init__(self, out: Writable) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        self._out.write(data)
        return len(data)


def read_tree(source: Readable, root: Path, *, most: int, owner: tuple[int, int] | None) -> int:
    """Put what a tar stream holds below `root`, an empty directory; the count of bytes of its files.

    Only plain files, directories and symbolic links are taken; links are made last, so that nothing is written through
    one. What is written is on the disk when this returns. Raises OSError; Conflict VOLUME_DAMAGED for anything that
    `write_tree` would not have written, and for more than `most` bytes.
    """
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", _Source(source)), mode="r|", bufsize=BLOCK) as tar:
            return _Unpacking(root, most, owner).all_of(tar)
    except tarfile.TarError as error:
        raise _damaged(str(error)) from None


class _Unpacking:
    """One tree in the making."""

    def __init__(self, root: Path, most: int, owner: tuple[int, int] | None) -> None:
        self._root = root
        self._most = most
        self._owner = owner
        self._total = 0

    def all_of(self, tar: tarfile.TarFile) -> int:
        links: list[tuple[tuple[str, ...], str]] = []
        folders: list[tuple[tuple[str, ...], tarfile.TarInfo]] = []
        while (info := tar.next()) is not None:
            _forget_members(tar)
            parts = _parts(info.name)
            if info.isdir():
                self._make_folder(parts)
                folders.append((parts, info))
            elif info.issym():
                links.append((parts, info.linkname))
            elif info.isreg():
                self._make_file(parts, info, tar.extractfile(info))
            else:
                raise _damaged(f"`{info.name[:200]}` is no file, directory or link")
        for parts, target in links:
            self._make_link(parts, target)
        for parts, info in reversed(folders):
            self._finish_folder(parts, info)
        return self._total

    def _parent(self, parts: tuple[str, ...]) -> int:
        """The directory that holds the last part, open. Every part is opened from the one before."""
        folder = os.open(self._root, _FOLDER)
        for part in parts[:-1]:
            try:
                inner = os.open(part, _FOLDER, dir_fd=folder)
            except OSError as error:
                raise _damaged(f"`{'/'.join(parts)[:200]}` lies in no directory ({error.strerror})") from None
            finally:
                os.close(folder)
            folder = inner
        return folder

    def _make_folder(self, parts: tuple[str, ...]) -> None:
        parent = self._parent(parts)
        try:
            os.mkdir(parts[-1], 0o700, dir_fd=parent)
        except FileExistsError:
            raise _damaged(f"`{'/'.join(parts)[:200]}` is there twice") from None
        finally:
            os.close(parent)

    def _make_file(self, parts: tuple[str, ...], info: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        self._total += info.size
        if self._total > self._most:
            raise _damaged(f"it holds over {self._most} bytes")
        parent = self._parent(parts)
        try:
            descriptor = os.open(parts[-1], _NEW, 0o600, dir_fd=parent)
        except FileExistsError:
            raise _damaged(f"`{'/'.join(parts)[:200]}` is there twice") from None
        finally:
            os.close(parent)
        with os.fdopen(descriptor, "wb") as file:
            while content is not None and (block := content.read(BLOCK)):
                file.write(block)
            file.flush()
            if self._owner is not None:
                os.fchown(descriptor, *self._owner)
            os.fchmod(descriptor, info.mode & 0o777)
            os.utime(descriptor, (info.mtime, info.mtime))
            os.fdatasync(descriptor)

    def _make_link(self, parts: tuple[str, ...], target: str) -> None:
        parent = self._parent(parts)
        try:
            os.symlink(target, parts[-1], dir_fd=parent)
            if self._owner is not None:
                os.chown(parts[-1], *self._owner, dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            raise _damaged(f"`{'/'.join(parts)[:200]}` is there twice") from None
        finally:
            os.close(parent)

    def _finish_folder(self, parts: tuple[str, ...], info: tarfile.TarInfo) -> None:
        folder = self._parent((*parts, ""))
        try:
            if self._owner is not None:
                os.fchown(folder, *self._owner)
            os.fchmod(folder, info.mode & 0o777 | 0o700)
            os.utime(folder, (info.mtime, info.mtime))
            os.fsync(folder)
        finally:
            os.close(folder)


class _Source:
    """What tarfile reads from."""

    def __init__(self, source: Readable) -> None:
        self._source = source

    def read(self, count: int) -> bytes:
        return self._source.read(count)


def _parts(name: str) -> tuple[str, ...]:
    parts = tuple(name.split("/"))
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or len(parts) > 256:
        raise _damaged(f"`{name[:200]}` is not a path within the volume")
    return parts


def _damaged(why: str) -> Conflict:
    return Conflict("VOLUME_DAMAGED", f"The archive is damaged: {why}.", hint="Restore another backup.")
