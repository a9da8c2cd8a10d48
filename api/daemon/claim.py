"""Claim: what only one daemon may have: the pid file and the socket. Taken before all else, so quick to import."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from api.daemon.pidfile import PidFile
from api.daemon.socket import bind_control, remove_control

if TYPE_CHECKING:
    from runtime.daemon.config import DaemonConfig


class Claim:
    """Held from `take` until `release`. Requests wait at the socket until somebody answers there."""

    def __init__(self, config: "DaemonConfig") -> None:
        self.path: Path = config.daemon.socket
        self._group = config.security.default_user
        self._pid = PidFile(config.daemon.pid_file)
        self._socket: socket.socket | None = None
        self._inode = 0

    def take(self) -> None:
        """Take both. Raises Unavailable DAEMON_RUNNING, SOCKET_UNUSABLE, PID_FILE_UNUSABLE."""
        self._pid.take()
        try:
            self._socket = bind_control(self.path, group=self._group)
            self._inode = self.path.lstat().st_ino
        except BaseException:
            self._pid.release()
            raise

    @property
    def socket(self) -> socket.socket:
        """The listening socket, once it is taken."""
        if self._socket is None:
            raise RuntimeError("not taken")
        return self._socket

    def release(self) -> None:
        """Give both back; for one that was never taken there is nothing to do."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            remove_control(self.path, self._inode)
            self._pid.release()
