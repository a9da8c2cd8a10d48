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
    # A pipe of our own: asyncio's would keep `wait` waiting for as long as any child holds it open.
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            cwd=folder,
            env={**_environment(), **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )
    except OSError as error:
        os.close(reading)
        raise _failed(command, f"cannot start in `{folder}`: {error.strerror}", None, b"") from None
    finally:
        os.close(writing)
    tail = bytearray()
    task = asyncio.create_task(_read(reading, tail, progress))
    try:
        async with asyncio.timeout(seconds):
            code = await process.wait()
    except TimeoutError:
        code = None
    finally:
        # Whatever it left running goes with it.
        _kill(process)
        await process.wait()
        # What has left the process group by a session of its own may hold the pipe for ever.
        await asyncio.wait((task,), timeout=_DRAIN_SECONDS)
        task.cancel()
    if task.done():
        await task
    if code is None:
        raise _failed(command, f"has not ended after {seconds:g} s", None, tail)
    if code != 0:
        raise _failed(command, f"ended with exit code {code}", code, tail)


async def _read(pipe: int, tail: bytearray, progress: Progress) -> None:
    reader = asyncio.StreamReader()
    with os.fdopen(pipe, "rb", buffering=0) as file:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), file
        )
        try:
            while piece := await reader.read(64 * 1024):
                progress.output(piece)
                tail += piece
                del tail[:-TAIL]
        finally:
            transport.close()


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
