"""Unpacking: a layer's tar into a directory, refusing whatever could lead out of it or fill the disk.

Only plain files, directories and symbolic links that stay inside are taken. Files end as 0444, directories as 0555.
A later layer replaces files of an earlier one. Blocks on the disk.
"""

import contextlib
import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from catalog.errors import Invalid, TooLarge

ENTRIES_MOST = 20_000
BYTES_MOST = 512 * 1024 * 1024
"""Unpacked bytes of one module's layers."""
PATH_MOST = 1024
DEPTH_MOST = 64
_HEAD_MOST = 256 * 1024
_PIECE = 256 * 1024
_MAGIC = b"\x1f\x8b"


class Budget:
    """What one module may still unpack."""

    def __init__(self, *, entries: int = ENTRIES_MOST, size: int = BYTES_MOST) -> None:
        self.entries = entries
        self.size = size

    def take(self, size: int) -> None:
        """One more entry of that many bytes. Raises TooLarge MODULE_TOO_LARGE, Invalid MODULE_LAYER."""
        if size < 0:
            raise _refused("an entry", "has a negative size")
        self.entries -= 1
        self.size -= size
        if self.entries < 0:
            raise TooLarge("MODULE_TOO_LARGE", f"The module's layers hold over {ENTRIES_MOST} files.")
        if self.size < 0:
            raise TooLarge("MODULE_TOO_LARGE", f"The module's layers unpack to over {BYTES_MOST} bytes.")


class _Counted:
    """The unpacked stream, counted: a header that would swallow the memory ends the reading."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = 0

    def allow(self, count: int) -> None:
        """How much may be read until this is said again."""
        self._left = count

    def read(self, count: int) -> bytes:
        """As a file's."""
        if self._left <= 0:
            raise _refused("a header", "is larger than any header should be")
        piece = self._file.read(count)
        self._left -= len(piece)
        return piece


def unpack_layer(blob: Path, into: Path, budget: Budget) -> None:
    """Unpack one tar, gzipped or not, over what is in `into` already.

    Raises Invalid MODULE_LAYER naming the entry that is refused, TooLarge MODULE_TOO_LARGE.
    """
    seen: set[str] = set()
    with _opened(blob) as file:
        counted = _Counted(file)
        try:
            counted.allow(_HEAD_MOST)
            with tarfile.open(fileobj=counted, mode="r|") as tar:  # type: ignore[call-overload]  # only `read` is called
                while True:
                    counted.allow(_HEAD_MOST)
                    member = tar.next()
                    if member is None:
                        return
                    budget.take(member.size)
                    counted.allow(member.size + _HEAD_MOST)
                    _take(tar, member, into, seen)
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, OverflowError) as error:
            raise Invalid("MODULE_LAYER", f"A layer is no readable tar: {error}.", hint="Build it again.") from None


def lock(folder: Path) -> None:
    """Take away every write permission below `folder`, and sync what is there."""
    for place, _, files in os.walk(folder, topdown=False):
        for name in files:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o444)
                _sync(path)
        Path(place).chmod(0o555)
        _sync(Path(place))


@contextlib.contextmanager
def _opened(blob: Path) -> Iterator[IO[bytes]]:
    with blob.open("rb") as raw:
        packed = raw.read(2) == _MAGIC
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw, mode="rb") as file:
            yield file  # type: ignore[misc]  # a GzipFile reads as any file does


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path, seen: set[str]) -> None:
    parts = _parts(member.name)
    if not parts:
        return  # the archive's own "./"
    name = "/".join(parts)
    if not (member.isreg() or member.isdir() or member.issym()) or member.issparse():
        raise _refused(member.name, "is neither a plain file nor a directory nor a symbolic link")
    try:
        tarfile.data_filter(member, str(into))
    except tarfile.FilterError as error:
        raise _refused(member.name, str(error)) from None
    if name in seen and not member.isdir():
        raise _refused(member.name, "stands in the layer twice")
    seen.add(name)
    folder = _directory(into, parts[:-1], member.name)
    path = folder / parts[-1]
    if member.isdir():
        _directory(into, parts, member.name)
        return
    _clear(path, member.name)
    if member.issym():
        path.symlink_to(_link_target(parts, member))
        return
    content = tar.extractfile(member)
    if content is None:
        raise _refused(member.name, "has no content")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with content, os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        while piece := content.read(_PIECE):
            file.write(piece)


def _parts(name: str) -> tuple[str, ...]:
    """The path's parts. Raises Invalid MODULE_LAYER for one that is absolute, leads up or cannot be a path."""
    try:
        long = len(name.encode("utf-8")) > PATH_MOST
    except UnicodeEncodeError:
        raise _refused(name, "has a name that is not UTF-8") from None
    if name.startswith("/") or "\\" in name or any(not each.isprintable() for each in name):
        raise _refused(name, "has an absolute or unprintable name")
    parts = tuple(each for each in name.split("/") if each not in ("", "."))
    if ".." in parts:
        raise _refused(name, "has `..` in its name")
    if long or len(parts) > DEPTH_MOST or any(len(each.encode()) > 255 for each in parts):
        raise _refused(name, f"has a name of over {PATH_MOST} bytes or {DEPTH_MOST} levels")
    return parts


def _directory(into: Path, parts: tuple[str, ...], name: str) -> Path:
    """The directory below `into`, made where it is missing; no part of it may be a link or a file."""
    path = into
    for part in parts:
        path = path / part
        try:
            path.mkdir(mode=0o755)
        except FileExistsError:
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise _refused(name, "has a file or a link for a folder") from None
    return path


def _clear(path: Path, name: str) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        raise _refused(name, "stands where a folder is")
    path.unlink()


def _link_target(parts: tuple[str, ...], member: tarfile.TarInfo) -> PurePosixPath:
    """Where the link leads, without doubled slashes: `os.path.realpath` takes what follows them for absolute."""
    # `..` may only lead the target: no folder on the way to the link is a link itself, so that what the text
    # says is where it really leads. Behind another name, `..` would leave the folder that a link leads to.
    if not member.linkname.isprintable() or not member.linkname or len(member.linkname) > PATH_MOST:
        raise _refused(member.name, "is a link to a name that cannot be")
    target = PurePosixPath(member.linkname)
    up = 0
    for part in target.parts:
        if part != "..":
            break
        up += 1
    if target.is_absolute() or ".." in target.parts[up:] or up > len(parts) - 1:
        raise _refused(member.name, "is a link that leads out of the layer")
    return target


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(name: str, why: str) -> Invalid:
    shown = "".join(each if each.isprintable() and each != "`" else "?" for each in name[:80])
    return Invalid("MODULE_LAYER", f"A layer's entry `{shown}` {why}.", hint="Build the module again without it.")
