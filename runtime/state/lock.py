"""OwnerLock: one daemon a data directory."""

import fcntl
import os
from pathlib import Path

from catalog.errors import Unavailable


class OwnerLock:
    """Held from construction to `release` or the end of the process, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises Unavailable DATA_DIR_IN_USE, naming the process that holds it."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise Unavailable(
                "DATA_DIR_IN_USE",
                f"Process {holder} is using `{path.parent}`.",
                hint="Stop that daemon, or give this one another `data_dir`.",
                details={"pid": holder, "data_dir": str(path.parent)},
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another daemon in. A second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
