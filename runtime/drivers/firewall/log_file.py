"""LogFile: a log that grows and is rotated, read on from where it was left. Everything here blocks.

A rotation by renaming is known by the inode, one by copying and truncating by the first bytes; what is left of the old
file is read first, as long as it lies uncompressed beside the new one.
"""

import glob
import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from runtime.plain_files import open_plain

HEAD = 256
"""A file is known again by its first bytes, as many as it had when it was read, this many at most."""

CHUNK = 256 * 1024
LONGEST_LINE = 1024 * 1024
"""A longer line is skipped: it is no record."""

_PACKED = (".gz", ".xz", ".zst", ".bz2", ".lz4")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where reading was left: in which file, and how many of its bytes were read.

    `changed_ns` is when the file system last changed anything about it by then, in its own time.
    """

    inode: int
    offset: int
    head: int
    digest: str
    changed_ns: int


class Piece(msgspec.Struct, frozen=True):
    """Whole lines of one file, and the place behind them. `skipped` lines were too long.

    `gap`: the file that was read before is gone or compressed, and with it what it may have held besides.
    """

    lines: list[bytes]
    place: Place
    skipped: int = 0
    gap: bool = False


class LogFile:
    """The log at `path`, with what rotation has left beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pieces(self, place: Place | None) -> Iterator[Piece]:
        """What was logged after `place`, in order; from the present file's beginning without one.

        Raises OSError where the present file cannot be opened.
        """
        with ExitStack() as files:
            present = files.enter_context(open_plain(self._path))
            if place is None:
                yield from _read(present, 0, present=True)
                return
            if _is_it(present, place):
                yield from _read(present, place.offset, present=True)
                return
            rotated = self._rotated(files)
            left = _since(rotated, place) if place.head == 0 else _from(rotated, place, present)
            if left is None:
                yield Piece([], _place(present, 0), gap=True)
            for number, file in enumerate(left or ()):
                begin = place.offset if number == 0 else 0
                yield from _read(file, begin, present=file is present)
                if file is present:
                    return
            yield from _read(present, 0, present=True)

    def _rotated(self, files: ExitStack) -> list[BinaryIO]:
        """What lies beside the log under its name and more, in the order in which it was last written."""
        found: list[BinaryIO] = []
        for each in self._path.parent.glob(glob.escape(self._path.name) + "*"):
            if each == self._path or each.name.endswith(_PACKED):
                continue
            with suppress(OSError):
                found.append(files.enter_context(open_plain(each)))
        return sorted(found, key=lambda file: os.fstat(file.fileno()).st_mtime_ns)


def _is_it(file: BinaryIO, place: Place) -> bool:
    """Is it the file of `place`? An inode alone says little: a new file often gets that of one just deleted."""
    return place.head > 0 and os.fstat(file.fileno()).st_ino == place.inode and _begins_alike(file, place)


def _begins_alike(file: BinaryIO, place: Place) -> bool:
    return os.fstat(file.fileno()).st_size >= place.offset and _digest(file, place.head) == place.digest


def _since(rotated: list[BinaryIO], place: Place) -> list[BinaryIO]:
    """The log was empty when it was last looked at: whatever was rotated since then is new."""
    return [file for file in rotated if os.fstat(file.fileno()).st_ctime_ns > place.changed_ns]


def _from(rotated: list[BinaryIO], place: Place, present: BinaryIO) -> list[BinaryIO] | None:
    """The file of `place` under its new name, or else a copy of it, and those that were rotated after it.

    None: there is none. The present one alone: it is a copy itself, such as after a move to another disk.
    """
    for number, file in enumerate(rotated):
        if _is_it(file, place):
            return rotated[number:]
    if _begins_alike(present, place):
        return [present]
    for number, file in reversed([*enumerate(rotated)]):
        if _begins_alike(file, place):
            return rotated[number:]
    return None


def _digest(file: BinaryIO, head: int) -> str:
    return hashlib.sha256(os.pread(file.fileno(), head, 0)).hexdigest()


def _read(file: BinaryIO, offset: int, *, present: bool) -> Iterator[Piece]:
    """Whole lines from `offset` on. The present file's last one may not be whole yet: it is left for the next time."""
    rest, skipping = b"", False
    if present and offset == 0:
        yield Piece([], _place(file, 0))
    while chunk := os.pread(file.fileno(), CHUNK, offset + len(rest)):
        *lines, rest = (rest + chunk).split(b"\n")
        offset += sum(len(line) + 1 for line in lines)
        skipped = 0
        if skipping and lines:
            lines, skipping, skipped = lines[1:], False, 1
        if len(rest) > LONGEST_LINE or (skipping and rest):
            offset, rest, skipping = offset + len(rest), b"", True
        yield Piece(lines, _place(file, offset), skipped)
    if not present and rest and not skipping:
        yield Piece([rest], _place(file, offset + len(rest)))


def _place(file: BinaryIO, offset: int) -> Place:
    head, found = min(HEAD, offset), os.fstat(file.fileno())
    return Place(
        inode=found.st_ino,
        offset=offset,
        head=head,
        digest=_digest(file, head),
        changed_ns=found.st_ctime_ns if head == 0 else 0,
    )
