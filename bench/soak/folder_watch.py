"""FolderWatch: how often each file was put into a folder, told by the kernel (inotify), not by those who write it."""

import ctypes
import os
import struct
import threading
from collections import Counter
from pathlib import Path

IN_MOVED_TO = 0x80
IN_CREATE = 0x100
_HEAD = struct.Struct("iIII")


class FolderWatch:
    """Counts arrivals (created, linked or renamed into the folder) by file name, until it is closed."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if libc.inotify_add_watch(self._descriptor, os.fsencode(folder), IN_MOVED_TO | IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch")
        self.arrivals: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            told = os.read(self._descriptor, 65_536)
            at = 0
            while at < len(told):
                _, _, _, length = _HEAD.unpack_from(told, at)
                name = told[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0").decode()
                self.arrivals[name] += 1
                at += _HEAD.size + length
