"""Tree: walks, measures and removes what services have written, without ever following a symbolic link.

A service may change its directory while we walk it. So every step is taken from an open directory, and nothing is
looked up by a path of more than one part. Everything here blocks: call it in a thread.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from catalog.errors import Conflict

DEPTH_MOST = 128
"""Directories within directories; deeper ones can be removed, and nothing else."""

ENTRY_BYTES = 512
"""What a file or directory counts for besides its content, so that empty ones are bounded too."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(msgspec.Struct, frozen=True):
    """Something in a tree: its path from the root, and its name in `folder`, an open directory good until the next."""

    path: str
    folder: int
    name: str
    stat: os.stat_result

    def open(self) -> int:
        """Open a file for reading. Raises OSError, also if it has become a link meanwhile."""
        return os.open(self.name, _FILE, dir_fd=self.folder)


def walk(root: Path) -> Iterator[Entry]:
    """Everything below `root`, each directory before what is in it. What vanishes meanwhile is left out.

    Memory does not grow with the count of entries. Raises OSError; Conflict VOLUME_TOO_DEEP.
    """
    levels = [_Level(os.open(root, _FOLDER), "")]
    try:
        while levels:
            level = levels[-1]
            name = level.next_name()
            if name is None:
                levels.pop().close()
                continue
            try:
                found = os.stat(name, dir_fd=level.folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            entry = Entry(level.lead + name, level.folder, name, found)
            yield entry
            if stat.S_ISDIR(found.st_mode):
                inner = _inside(entry, len(levels))
                if inner is not None:
                    levels.append(_Level(inner, entry.path + "/"))
    finally:
        for each in levels:
            each.close()


class _Level:
    """An open directory, and the names in it that were not yet seen."""

    def __init__(self, folder: int, lead: str) -> None:
        self.folder = folder
        self.lead = lead
        self._names = os.scandir(folder)

    def next_name(self) -> str | None:
        found = next(self._names, None)
        return None if found is None else found.name

    def close(self) -> None:
        self._names.close()
        os.close(self.folder)


def _inside(entry: Entry, depth: int) -> int | None:
    if depth >= DEPTH_MOST:
        raise Conflict(
            "VOLUME_TOO_DEEP",
            f"The volume has directories over {DEPTH_MOST} deep.",
            hint="Remove them from within the service.",
        )
    try:
        return os.open(entry.name, _FOLDER, dir_fd=entry.folder)
    except (FileNotFoundError, NotADirectoryError):
        return None  # gone, or something else by now


class Measured(msgspec.Struct, frozen=True):
    """What a tree takes of the disk, in bytes; `whole` is False if it could not be walked to its end."""

    used: int
    whole: bool = True


def measure(root: Path, enough: int | None = None) -> Measured:
    """What the tree takes. Over `enough` bytes it stops counting, so that a flood of files costs little to see."""
    used, linked = 0, set[tuple[int, int]]()
    try:
        for entry in walk(root):
            found = entry.stat
            used += ENTRY_BYTES
            if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
                if (found.st_dev, found.st_ino) in linked:
                    continue
                linked.add((found.st_dev, found.st_ino))
            used += min(found.st_blocks * 512, -(-found.st_size // 4096) * 4096)
            if enough is not None and used > enough:
                return Measured(used, whole=False)
    except Conflict:
        return Measured(used, whole=False)
    return Measured(used)


RUBBISH = "rubbish-"


def remove_tree(path: Path) -> None:
    """Remove a directory and all that is in it, however deep; one that is not there is no error. Raises OSError.

    It takes another name first, so that after a crash what is left is seen to be rubbish.
    """
    rubbish = path if path.name.startswith(RUBBISH) else path.with_name(RUBBISH + secrets.token_hex(8))
    try:
        path.rename(rubbish)
    except FileNotFoundError:
        return
    root = os.open(rubbish, _FOLDER)
    try:
        os.fchmod(root, 0o700)
        while names := _some(root):
            for name in names:
                _remove(root, name)
    finally:
        os.close(root)
    rubbish.rmdir()


def _remove(root: int, name: str) -> None:
    """Remove what is named. Directories in a directory are brought up to the root first: no depth is too much."""
    if not _is_folder(root, name):
        os.unlink(name, dir_fd=root)
        return
    folder = os.open(name, _FOLDER, dir_fd=root)
    try:
        os.fchmod(folder, 0o700)
        while names := _some(folder):
            for inner in names:
                if _is_folder(folder, inner):
                    os.rename(inner, f".lifted-{secrets.token_hex(8)}", src_dir_fd=folder, dst_dir_fd=root)
                else:
                    os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=root)


def _some(folder: int) -> list[str]:
    with os.scandir(folder) as found:
        return [each.name for each in islice(found, 1_000)]


def _is_folder(folder: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
