"""Where a CGI guest's stdout goes: somewhere that cannot grow beyond an answer."""

import os
from threading import Thread
from typing import Protocol

from runtime.wasm.guest.answering import Overflow
from runtime.wasm.launch import Launch
from runtime.wasm.messages import ANSWER_MOST

_FILE_MOST = ANSWER_MOST + 64 * 1024


class Output(Protocol):
    """One request's output: `path` is for WASI; `read` after the Store has been closed. Raises Overflow."""

    def path(self) -> str:
        """Begin, and say where."""
        ...

    def read(self) -> bytes:
        """What was written."""
        ...


def file_most(launch: Launch) -> int | None:
    """RLIMIT_FSIZE of a CGI worker; what bounds its mounts' files bounds a memory file, too."""
    writes = any(mount.writable for mount in launch.mounts)
    return launch.file_bytes if writes else _FILE_MOST


def output_of(launch: Launch) -> Output:
    """Memory where the kernel bounds it; else a pipe with a thread that counts."""
    most = file_most(launch)
    return MemoryOutput() if most is not None and most <= _FILE_MOST else PipeOutput()


class MemoryOutput:
    """A memory file, used again and again; RLIMIT_FSIZE bounds it."""

    def __init__(self) -> None:
        self._file = os.memfd_create("stdout", os.MFD_CLOEXEC)

    def path(self) -> str:
        """See Output. Opening it for WASI empties it."""
        return f"/proc/self/fd/{self._file}"

    def read(self) -> bytes:
        """See Output."""
        size = os.fstat(self._file).st_size
        try:
            if size > ANSWER_MOST:
                raise Overflow
            return os.pread(self._file, size, 0)
        finally:
            os.ftruncate(self._file, 0)


class PipeOutput:
    """A pipe a request, emptied by a thread; beyond the most an answer may have, the guest's writes fail."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._end = -1
        self._thread = Thread()

    def path(self) -> str:
        """See Output."""
        self._pieces, self._size = [], 0
        begin, self._end = os.pipe()
        self._thread = Thread(target=self._empty, args=(begin,), daemon=True)
        self._thread.start()
        return f"/proc/self/fd/{self._end}"

    def read(self) -> bytes:
        """See Output."""
        os.close(self._end)
        self._thread.join()
        if self._size > ANSWER_MOST:
            raise Overflow
        return b"".join(self._pieces)

    def _empty(self, begin: int) -> None:
        while self._size <= ANSWER_MOST and (piece := os.read(begin, 1024 * 1024)):
            self._pieces.append(piece)
            self._size += len(piece)
        os.close(begin)
