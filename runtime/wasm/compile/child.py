"""A child process that is given bytes and gives bytes, started in half a millisecond, however large we are.

uvloop's own subprocesses are forked with all our page tables; `subprocess` shares them until the exec (vfork). Memory
files for stdin and stdout need no reader, and a pidfd tells the end.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import msgspec

_OUTPUT_MOST = 16 * 1024 * 1024


class Outcome(msgspec.Struct, frozen=True):
    """`code` is an exit code, or -signal."""

    code: int
    stdout: bytes
    stderr: bytes


async def run_child(command: Sequence[str], given: bytes, environment: Mapping[str, str], seconds: float) -> Outcome:
    """Run it to its end; it is killed when it is cancelled. Raises TimeoutError; it has been killed then.

    Call it on a thread that lives as long as the process: children that ask the kernel to end them with their parent
    mean the thread that started them.
    """
    with ExitStack() as stack:
        stdin, stdout, stderr = (_file(stack) for _ in range(3))
        os.write(stdin, given)
        os.lseek(stdin, 0, os.SEEK_SET)
        process = _start(command, environment, (stdin, stdout, stderr))
        pidfd = os.pidfd_open(process.pid)
        stack.callback(os.close, pidfd)
        try:
            async with asyncio.timeout(seconds):
                await _ended(pidfd)
        finally:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)  # nothing, if it has ended
            await _ended(pidfd)
            code = process.wait()
        return Outcome(code, os.pread(stdout, _OUTPUT_MOST, 0), os.pread(stderr, _OUTPUT_MOST, 0))


def _start(
    command: Sequence[str], environment: Mapping[str, str], streams: tuple[int, int, int]
) -> subprocess.Popen[bytes]:
    stdin, stdout, stderr = streams
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, env=environment)  # noqa: S603 (ours)


def _file(stack: ExitStack) -> int:
    file = os.memfd_create("child", os.MFD_CLOEXEC)
    stack.callback(os.close, file)
    return file


async def _ended(pidfd: int) -> None:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_reader(pidfd, _settle, ended)
    try:
        await ended
    finally:
        loop.remove_reader(pidfd)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
