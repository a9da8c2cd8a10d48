"""PidFile: the daemon's process id in a file, under a lock that ends with the process."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from catalog.errors import Unavailable


class PidFile:
    """Held from `take` until `release`, or until the process ends however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self) -> None:
        """Write our id. Raises Unavailable DAEMON_RUNNING, PID_FILE_UNUSABLE."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            hint = "Set `pid_file` to a place that you may write."
            message = f"`{self.path}` cannot be written: {error.strerror}."
            raise Unavailable("PID_FILE_UNUSABLE", message, hint=hint) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(fd, 32, 0).decode(errors="replace").strip()
            os.close(fd)
            hint = "Stop it with `fabricksd stop`, or give this one another `pid_file`."
            raise Unavailable("DAEMON_RUNNING", f"A daemon runs already, as process {pid}.", hint=hint) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Take the file away and let go of the lock."""
        if self._fd is not None:
            with suppress(OSError):
                self.path.unlink()
            os.close(self._fd)
            self._fd = None


def running_pid(path: Path) -> int | None:
    """The process that holds the file's lock, None where nobody does."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                text = file.read(32).strip()
                return int(text) if text.isdigit() else None
            return None
    except OSError:
        return None
