"""Listing: the files below a folder in the order of their paths, a page at a time. Links are not followed. Blocks."""

import hashlib
import os
import stat
from collections.abc import Iterator

from runtime.clock import rfc3339
from runtime.drivers.storage.face import Blob

HASHED_EACH = 1024 * 1024
"""A file over this size is listed without its digest."""

HASHED_TOGETHER = 16 * 1024 * 1024
"""So many bytes are read for one page; what comes after is listed without its digest."""

_INNER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def is_draft(name: str) -> bool:
    """Is it what a write has not finished, or a crash left?"""
    return name.startswith(".fabric-") and name.endswith(".part")


class Listing:
    """One page below an open directory."""

    def __init__(self, prefix: str, after: str, limit: int) -> None:
        self._prefix = prefix.encode()
        self._after = after.encode()
        self._limit = limit
        self._left = HASHED_TOGETHER

    def below(self, root: int) -> list[Blob]:
        """Raises OSError where `root` cannot be read; what is gone by the time it is looked at is left out."""
        found: list[Blob] = []
        for blob in self._walk(root, b""):
            found.append(blob)
            if len(found) == self._limit:
                break
        return found

    def _walk(self, folder: int, lead: bytes) -> Iterator[Blob]:
        with os.scandir(folder) as entries:
            # A folder sorts as its files will: `a/` comes after `a-b`.
            named = sorted(
                (os.fsencode(each.name) + (b"/" if each.is_dir(follow_symlinks=False) else b"")) for each in entries
            )
        for name in named:
            path = lead + name
            if not self._wanted(path):
                continue
            if path.endswith(b"/"):
                yield from self._inside(folder, name[:-1], path)
            elif (blob := self._blob(folder, name, path)) is not None:
                yield blob

    def _wanted(self, path: bytes) -> bool:
        """May this file, or a file in this folder, be in the page?"""
        if path.endswith(b"/"):
            after = path > self._after or self._after.startswith(path)
            return after and (path.startswith(self._prefix) or self._prefix.startswith(path))
        return path > self._after and path.startswith(self._prefix)

    def _inside(self, folder: int, name: bytes, path: bytes) -> Iterator[Blob]:
        try:
            inner = os.open(name, _INNER, dir_fd=folder)
        except OSError:
            return
        try:
            yield from self._walk(inner, path)
        finally:
            os.close(inner)

    def _blob(self, folder: int, name: bytes, path: bytes) -> Blob | None:
        try:
            shown = path.decode()
            descriptor = os.open(name, _FILE, dir_fd=folder)
        except (OSError, UnicodeDecodeError):
            return None
        with os.fdopen(descriptor, "rb") as file:
            held = os.fstat(descriptor)
            if not stat.S_ISREG(held.st_mode) or is_draft(os.fsdecode(name)):
                return None
            digest = None
            if held.st_size <= min(HASHED_EACH, self._left):
                self._left -= held.st_size
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Blob(path=shown, size=held.st_size, changed=rfc3339(held.st_mtime_ns), sha256=digest)
