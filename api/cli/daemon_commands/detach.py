"""Detaching: the daemon in a session of its own, and the parent who waits until it is ready or has failed."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from api.cli import terminal
from catalog.errors import Unavailable

if TYPE_CHECKING:
    from runtime.daemon.config.settings import DaemonSection

READY_SECONDS = 60.0
LOOK_SECONDS = 0.05
SHOWN_LINES = 20
READY = b"READY=1"


def detached(options: Sequence[str], daemon: "DaemonSection") -> int:
    """Start the daemon and wait for its word that it is ready; its exit code where it ends before.

    It says so as it would to systemd, on a socket of ours. What it prints goes to the log file. Raises Unavailable
    LOG_UNWRITABLE, DAEMON_SLOW.
    """
    with _opened(daemon.log_file) as log, tempfile.TemporaryDirectory(prefix="fabricksd-") as folder:
        begun = log.tell()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.bind(f"{folder}/notify")
            told.settimeout(LOOK_SECONDS)
            process = subprocess.Popen(  # noqa: S603 - our own program with the options that we were given
                [sys.executable, "-m", "api.cli.daemon", "start", *options],
                env={**os.environ, "NOTIFY_SOCKET": f"{folder}/notify"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            ready = _ready(process, told)
    if not ready:
        _show_end(daemon.log_file, begun)
        return process.returncode or 1
    terminal.say(f"fabricksd is running, PID {process.pid}, socket {daemon.socket}")
    process.returncode = 0  # it goes on; nobody waits for it
    return 0


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        hint = "Set `log_file` to a place that you may write."
        raise Unavailable("LOG_UNWRITABLE", f"`{path}` cannot be written: {error.strerror}.", hint=hint) from None


def _ready(process: "subprocess.Popen[bytes]", told: socket.socket) -> bool:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            if told.recv(256) == READY:
                return True
        except TimeoutError:
            if process.poll() is not None:
                return False
    process.terminate()
    raise Unavailable("DAEMON_SLOW", f"The daemon is not ready after {READY_SECONDS:.0f} seconds; it is stopped.")


def _show_end(log: Path, begun: int) -> None:
    """What the daemon said since it was started."""
    with log.open("rb") as file:
        file.seek(begun)
        lines = file.read().decode("utf-8", "replace").splitlines()
    sys.stderr.write("".join(f"{line}\n" for line in lines[-SHOWN_LINES:]))
