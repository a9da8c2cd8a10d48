"""Disks that stand between SQLite and the real one: they record what was written and synced, or fail."""

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
_numbers = itertools.count()

Op = tuple[str, str, int, bytes]
"""(`write`, file, offset, bytes), (`truncate`, file, size, b""), (`sync`, file, 0, b""), (`delete`, file, 0, b"")."""


class Disk(apsw.VFS):
    """A VFS whose files report to `on_op` before they reach the real disk; what that raises, SQLite is told."""

    def __init__(self, on_op: Callable[[Op], None]) -> None:
        self.name = f"disk-{next(_numbers)}"
        self.on_op = on_op
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "_File":
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.on_op(("delete", Path(filename).name, 0, b""))
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        full = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._file, self._disk = Path(full).name, disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.on_op(("write", self._file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.on_op(("truncate", self._file, newsize, b""))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._disk.on_op(("sync", self._file, 0, b""))


def after_power_loss(ops: list[Op], dice: random.Random) -> dict[str, bytes]:
    """The files as a disk may hold them when the power goes after these operations.

    What a file's last sync covers is there. Of everything later each operation is there, missing, or (a write) torn at
    a sector, each as the dice fall.
    """
    synced = {file: number for number, (kind, file, _, _) in enumerate(ops) if kind == "sync"}
    files: dict[str, bytearray] = {}
    for number, (kind, file, offset, data) in enumerate(ops):
        if number > synced.get(file, -1) and kind != "delete":
            match dice.randrange(3):
                case 0:
                    continue
                case 1 if kind == "write":
                    data = data[: dice.randrange(len(data) // SECTOR + 1) * SECTOR]  # noqa: PLW2901 - torn
        if kind == "delete":
            files.pop(file, None)
        elif kind == "truncate":
            held = files.setdefault(file, bytearray())
            del held[offset:]
            held.extend(bytes(offset - len(held)))
        elif kind == "write":
            held = files.setdefault(file, bytearray())
            held.extend(bytes(max(0, offset - len(held))))
            held[offset : offset + len(data)] = data
    return {file: bytes(held) for file, held in files.items()}
