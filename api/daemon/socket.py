"""The control socket: a Unix socket of our own making, 0660 inside a directory 0750."""

import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog.errors import Unavailable

BACKLOG = 1024
MODE = 0o660
DIRECTORY_MODE = 0o750
PATH_MOST = 107
"""Bytes that a Unix socket's address holds."""

PROBE_SECONDS = 2.0


def bind_control(path: Path, *, group: str | None = None) -> socket.socket:
    """A listening socket at `path`; what lies there is only taken away if it is a socket that nobody answers.

    `group` may use it besides us, where we are root and there is such a group. Raises Unavailable DAEMON_RUNNING,
    Unavailable SOCKET_UNUSABLE.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, mode=DIRECTORY_MODE)
            path.parent.chmod(DIRECTORY_MODE)
        _clear(path)
        return _bound(path, group)
    except OSError as error:
        hint = "Set FABRICKS_SOCKET or `--socket` to a place that you may write."
        raise Unavailable("SOCKET_UNUSABLE", f"`{path}` cannot be listened on: {error.strerror}.", hint=hint) from None


def connect_control(path: Path, seconds: float | None) -> socket.socket:
    """A connection to the daemon at `path`. Raises OSError."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    made.settimeout(seconds)
    try:
        with _address(path) as address:
            made.connect(address)
    except BaseException:
        made.close()
        raise
    return made


def answers(path: Path) -> bool:
    """Does somebody listen at `path`?"""
    try:
        connect_control(path, PROBE_SECONDS).close()
    except TimeoutError:
        return True
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES, errno.EPERM)
    return True


def remove_control(path: Path, inode: int) -> None:
    """Take our socket's file away, unless another one lies there by now."""
    with suppress(OSError):
        if path.lstat().st_ino == inode:
            path.unlink()


def _clear(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Unavailable("SOCKET_UNUSABLE", f"`{path}` is there and is no socket.", hint="Move it, or name another.")
    if answers(path):
        hint = "Stop it with `fabricksd stop`, or start this one with another `--socket`."
        raise Unavailable("DAEMON_RUNNING", f"Another daemon answers at `{path}`.", hint=hint)
    path.unlink()


def _bound(path: Path, group: str | None) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o777 & ~MODE)
    try:
        with _address(path) as address:
            made.bind(address)
    except BaseException:
        made.close()
        raise
    finally:
        os.umask(before)
    if group is not None and os.geteuid() == 0:
        with suppress(KeyError):
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
    made.listen(BACKLOG)
    made.setblocking(False)
    return made


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """The path as a socket's address; one that is too long goes by way of its directory's descriptor."""
    text = str(path)
    if len(os.fsencode(text)) <= PATH_MOST:
        yield text
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
