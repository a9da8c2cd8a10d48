"""The lock that keeps a second process off a data directory."""

import fcntl
import os
from pathlib import Path

from catalog.errors import Unavailable


class FileLock:
    """Held from construction to `release` or the end of the process, however it ends.

    A child made by fork gives its copy up at once, so that it cannot hold the lock beyond its parent's life.
    """

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
                hint="Stop that process, or give this one another data directory.",
                details={"pid": holder},
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        os.register_at_fork(after_in_child=self._close)

    def release(self) -> None:
        """Let another process in: unlocked first, since a child just forked may not have given its copy up yet."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
