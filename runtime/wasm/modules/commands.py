"""Commands: what a Fabrickfile's [build] runs, in a process group of its own that ends with it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from catalog.errors import GuestFailed
from runtime.wasm.modules.progress import Progress

TAIL = 8 * 1024
"""Bytes of a failed command's output that its error carries."""
_DRAIN_SECONDS = 2.0
_OURS = ("FABRIC_", "FABRICKS_")


async def run_command(
    command: str, *, folder: Path, environment: Mapping[str, str], progress: Progress, seconds: float
) -> None:
    """Run `sh -c command`; its output goes to `progress` as it comes. Whatever it left running is killed.

    It has our environment, without the variables that are this program's own (they hold keys), and `environment`.
    Raises GuestFailed BUILD_FAILED with `exit_code` and the `output`'s tail in its details.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            cwd=folder,
            env={**_environment(), **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise _failed(command, f"cannot start in `{folder}`: {error.strerror}", None, b"") from None
    tail = bytearray()
    reading = asyncio.create_task(_read(process, tail, progress))
    try:
        async with asyncio.timeout(seconds):
            code = await process.wait()
    except TimeoutError:
        _kill(process)
        await _drained(reading)
        raise _failed(command, f"has not ended after {seconds:g} s", None, tail) from None
    except asyncio.CancelledError:
        _kill(process)
        reading.cancel()
        raise
    # A child left behind would hold the pipe open, and us.
    _kill(process)
    await _drained(reading)
    if code != 0:
        raise _failed(command, f"ended with exit code {code}", code, tail)


async def _read(process: asyncio.subprocess.Process, tail: bytearray, progress: Progress) -> None:
    assert process.stdout is not None  # noqa: S101 - it is a pipe, as was asked above
    while piece := await process.stdout.read(64 * 1024):
        progress.output(piece)
        tail += piece
        del tail[:-TAIL]


async def _drained(reading: asyncio.Task[None]) -> None:
    # What left the process group by a session of its own may hold the pipe for ever.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reading, _DRAIN_SECONDS)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


def _failed(command: str, why: str, code: int | None, tail: bytes | bytearray) -> GuestFailed:
    output = bytes(tail).decode("utf-8", "replace")
    lines = [each for each in output.splitlines() if each.strip()]
    shown = command if len(command) <= 80 else command[:79] + "…"
    return GuestFailed(
        "BUILD_FAILED",
        f"The build's command `{shown}` {why}.",
        hint=f"It last said: {lines[-1][:300]}" if lines else "It said nothing.",
        details={"command": command, "exit_code": code, "output": output},
    )
