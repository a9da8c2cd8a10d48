"""Folder: files below one directory, reached by a walk that no `..` and no symbolic link can lead out of.

Every method blocks on the disk: call it in a thread.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import Conflict, FabricError, TargetFailed
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.failures import named
from runtime.drivers.storage.face import Blob
from runtime.drivers.storage.listing import Listing
from runtime.drivers.storage.paths import check_path

MAX_HASHED = 64 * 1024 * 1024
"""A present file over this size is known by size and time of change, not by its digest."""

_WALK = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DRAFT = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_WAY = (errno.ELOOP, errno.ENOTDIR)


class Folder:
    """The directory that a storage controller's setting `directory` names."""

    def __init__(self, directory: Path, target: Target) -> None:
        self._directory = directory
        self._target = target

    def look(self, path: str) -> Json:
        """What stands at `path`: `{kind}` of absent, file (with size and sha256), symlink, directory, other, blocked.

        `blocked` means that a folder on the way is a symbolic link or no folder. Raises Invalid PATH_INVALID,
        TargetFailed STORAGE_DIRECTORY, STORAGE_FAILED.
        """
        *lead, name = check_path(path)
        with _told(self._target):
            try:
                with self._walked(lead, make=False) as parent:
                    return _look_at(parent, name)
            except FileNotFoundError:
                return {"kind": "absent"}
            except OSError as error:
                if error.errno in _NO_WAY:
                    return {"kind": "blocked"}
                raise

    def write(self, path: str, content: bytes, draft: str, before: Json) -> None:
        """Put `content` at `path` whole: a synced draft beside it, then a rename, then the folder synced.

        `draft` names the draft, the same at every repeat. Where `before` says absent, a file that has appeared is not
        replaced. Raises what `look` raises and Conflict TARGET_MOVED where the path is no longer as `before`.
        """
        *lead, name = check_path(path)
        with _told(self._target):
            try:
                with self._walked(lead, make=True) as parent:
                    _put(parent, name, content, f".{draft}.part", before)
            except OSError as error:
                if error.errno in _NO_WAY:
                    raise _moved() from None
                raise

    def page(self, listing: Listing) -> list[Blob]:
        """A page of the files below it. Raises TargetFailed STORAGE_DIRECTORY, STORAGE_FAILED."""
        with _told(self._target):
            root = self._opened()
            try:
                return listing.below(root)
            finally:
                os.close(root)

    @contextmanager
    def _walked(self, segments: list[str], *, make: bool) -> Iterator[int]:
        """A descriptor of the folder that `segments` lead to."""
        current = self._opened()
        try:
            for segment in segments:
                if make:
                    _make(current, segment)
                following = os.open(segment, _WALK, dir_fd=current)
                os.close(current)
                current = following
            yield current
        finally:
            os.close(current)

    def _opened(self) -> int:
        try:
            return os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise no_directory(self._target, f"cannot be opened: {error.strerror}") from None


def no_directory(target: Target, reason: str, setting: str = "directory") -> TargetFailed:
    """The error for a controller whose folder cannot be used."""
    return TargetFailed(
        "STORAGE_DIRECTORY",
        f"{named(target)} names a folder in `{setting}` that {reason}.",
        hint="Name a folder that is there and that the server may use.",
    )


def _look_at(parent: int, name: str) -> Json:
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        return {"kind": "symlink"}
    if not stat.S_ISREG(found.st_mode):
        return {"kind": "directory" if stat.S_ISDIR(found.st_mode) else "other"}
    with os.fdopen(os.open(name, _LOOK, dir_fd=parent), "rb") as file:
        held = os.fstat(file.fileno())
        if held.st_size > MAX_HASHED:
            return {"kind": "file", "size": held.st_size, "changed_ns": held.st_mtime_ns, "inode": held.st_ino}
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"kind": "file", "size": held.st_size, "sha256": digest}


def _make(parent: int, segment: str) -> None:
    try:
        os.mkdir(segment, 0o755, dir_fd=parent)
    except FileExistsError:
        return
    os.fsync(parent)


def _put(parent: int, name: str, content: bytes, draft: str, before: Json) -> None:
    _remove(parent, draft)
    try:
        with os.fdopen(os.open(draft, _DRAFT, 0o644, dir_fd=parent), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            present = _look_at(parent, name)
        except FileNotFoundError:
            present = {"kind": "absent"}
        if present != before:
            raise _moved()
        if before["kind"] == "absent":
            _link(parent, draft, name)
        else:
            os.replace(draft, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        _remove(parent, draft)
    os.fsync(parent)


def _link(parent: int, draft: str, name: str) -> None:
    """Give the draft its name only if nobody has it: a rename would replace a file that appeared just now."""
    try:
        os.link(draft, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        raise _moved() from None
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        # A file system without hard links; the look a moment ago has to do.
        os.replace(draft, name, src_dir_fd=parent, dst_dir_fd=parent)


def _remove(parent: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return


def _moved() -> Conflict:
    return Conflict(
        "TARGET_MOVED",
        "Something else has come to stand at `path`; nothing was written.",
        hint="Run the Connection again for a new change.",
    )


@contextmanager
def _told(target: Target) -> Iterator[None]:
    """Translate what the file system says."""
    try:
        yield
    except FabricError:
        raise
    except OSError as error:
        raise TargetFailed(
            "STORAGE_FAILED",
            f"{named(target)} has a folder that does not let itself be used: {error.strerror or 'unknown error'}.",
            hint="Look at its owner, its mode and the room on its disk.",
        ) from None
