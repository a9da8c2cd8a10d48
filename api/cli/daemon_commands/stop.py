"""`fabricksd stop`."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.control import Control
from api.cli.daemon_commands.places import Config, Socket, configured
from api.daemon.pidfile import running_pid
from catalog.errors import Unavailable

LOOK_SECONDS = 0.05
GRACE_SECONDS = 15.0
"""What ending takes besides the services' time."""

FORCED_SECONDS = 5.0


def stop(
    force: Annotated[bool, typer.Option("--force", help="Kill what runs at once.")] = False,
    timeout: Annotated[str, typer.Option("--timeout", help="How long services may take to end.")] = "30s",
    config: Config = None,
    socket: Socket = None,
    json: terminal.AsJson = False,
) -> None:
    """Stop the daemon and wait until it has ended. Services that run are started again with it.

    Example: fabricksd stop --timeout 30s
    """
    from runtime.forms.scalars import parse_duration  # noqa: PLC0415 - keeps `--help` quick

    seconds = parse_duration(timeout)
    found = configured(config, socket)
    control = Control(found.daemon.socket, found.api.api_key)
    pid_file = found.daemon.pid_file
    pid = running_pid(pid_file)
    try:
        asked = control.post("daemon/shutdown", {"timeout": timeout, "force": force})
    except Unavailable:
        if pid is None or not force:
            raise
        asked = {"message": "Daemon killed", "services_to_stop": None}
        _kill(pid)
    if not _ended(pid_file, FORCED_SECONDS if force else seconds + GRACE_SECONDS):
        if not force or pid is None:
            hint = "Wait, or give `--force`."
            raise Unavailable("DAEMON_SLOW", f"The daemon has not ended after {timeout}.", hint=hint)
        _kill(pid)
        _ended(pid_file, FORCED_SECONDS)
    terminal.done("fabricksd is stopped.", asked, as_json=json)


def _ended(pid_file: Path, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if running_pid(pid_file) is None:
            return True
        time.sleep(LOOK_SECONDS)
    return False


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
