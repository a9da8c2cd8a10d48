"""`fabricksd logs`: the daemon's own log, where it goes to a file."""

import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from api.cli.daemon_commands.places import Config, configured
from catalog.errors import Invalid, NotFound

LOOK_SECONDS = 0.2


def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    tail: Annotated[int, typer.Option("--tail", "-n", min=0, help="Only the last so many; 0 is all.")] = 0,
    since: Annotated[str | None, typer.Option("--since", help="Only after this RFC 3339 time.")] = None,
    config: Config = None,
) -> None:
    """Show the log of a daemon that was started with --detach, or with `log_output = "file"`.

    Example: fabricksd logs --follow --tail 100
    """
    daemon = configured(config, None).daemon
    try:
        file = daemon.log_file.open("rb")
    except OSError as error:
        raise NotFound(
            "LOG_ELSEWHERE",
            f"There is no log at `{daemon.log_file}`: {error.strerror}.",
            hint="A daemon in the foreground logs to its terminal; under systemd see `journalctl -u fabricksd`.",
        ) from None
    with file:
        for line in _kept(_since(file, since), tail):
            sys.stdout.buffer.write(line)
        sys.stdout.flush()
        if follow:
            _follow(file, daemon.log_file)


def _kept(lines: Iterator[bytes], tail: int) -> Iterator[bytes]:
    return iter(deque(lines, maxlen=tail)) if tail else lines


def _since(lines: Iterator[bytes], since: str | None) -> Iterator[bytes]:
    """Lines from that time on. A line without a time belongs to the one before it."""
    if since is None:
        yield from lines
        return
    begin, on = _moment(since), False
    if begin is None:
        raise Invalid("TIME_INVALID", f"`{since}` is no RFC 3339 time.", hint="Write it as `2025-01-15T10:00:00Z`.")
    for line in lines:
        stamp = _stamp(line)
        on = on if stamp is None else stamp >= begin
        if on:
            yield line


def _stamp(line: bytes) -> datetime | None:
    if line.startswith(b"{"):
        try:
            return _moment(str(json.loads(line).get("timestamp")))
        except ValueError:
            return None
    return _moment(line.partition(b" ")[0].decode("ascii", "replace"))


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _follow(file: BinaryIO, path: Path) -> None:
    """Go on for ever, also in the file that takes this one's place and from the beginning of one that was emptied."""
    while True:
        piece = file.read()
        if piece:
            sys.stdout.buffer.write(piece)
            sys.stdout.flush()
            continue
        time.sleep(LOOK_SECONDS)
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        if found.st_ino != os.fstat(file.fileno()).st_ino:
            file.close()
            file = path.open("rb")
        elif found.st_size < file.tell():
            file.seek(0)
