"""ZygoteLink: the zygote as the daemon sees it; it forks workers and reaps them."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import runtime
from catalog.errors import Unavailable
from runtime.wasm.host.worker_process import WorkerProcess
from runtime.wasm.wire import MESSAGE_MOST, Fork, Forked, NotForked, Reaped, decode_from_zygote, encode

OnEnd = Callable[[Reaped | None], None]
"""Told that a worker was reaped; None: the zygote ended before it, and all its workers with it."""

_ZYGOTE = "runtime.wasm.guest.zygote"


class ZygoteLink:
    """Start it on the loop's own thread: the kernel ends the zygote with the thread that started it.

    Raises Unavailable ZYGOTE_DOWN where it cannot be started.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, niceness: int) -> None:
        self._loop = loop
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = _started(theirs.fileno(), niceness)
            except OSError as error:
                ours.close()
                raise _down(f"it cannot be started: {error.strerror}") from None
        ours.setblocking(False)
        self._sock = ours
        self._turn = asyncio.Lock()
        self._forking: dict[int, tuple[asyncio.Future[WorkerProcess], OnEnd]] = {}
        self._on_end: dict[int, tuple[WorkerProcess, OnEnd]] = {}
        self._last = 0
        self._waiting: asyncio.Task[None] | None = None
        self.alive = True
        loop.add_reader(ours, self._read)

    @property
    def pid(self) -> int:
        """The zygote's process."""
        return self._process.pid

    async def fork(self, descriptors: list[int], on_end: OnEnd) -> WorkerProcess:
        """A new worker with these descriptors, which stay the caller's. Raises Unavailable ZYGOTE_DOWN."""
        async with self._turn:
            if not self.alive:
                raise _down("it has ended")
            self._last += 1
            try:
                socket.send_fds(self._sock, [encode(Fork(id=self._last))], descriptors)
            except OSError as error:
                raise _down(str(error)) from None
            forked: asyncio.Future[WorkerProcess] = self._loop.create_future()
            self._forking[self._last] = (forked, on_end)
            return await forked

    def kill(self) -> None:
        """End it, and with it all its workers."""
        self._process.kill()

    async def close(self) -> None:
        """End it, and wait until it has."""
        self.kill()
        self._fall()
        if self._waiting is not None:
            await self._waiting

    def _read(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, MESSAGE_MOST, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._fall()
            return
        message = decode_from_zygote(data)
        if isinstance(message, Forked):
            if descriptors:
                self._got(message.id, WorkerProcess(message.pid, descriptors[0]))
            else:  # we have no room for its pidfd; it ends when its sockets are closed
                self._refuse(message.id, "too many open files")
        elif isinstance(message, NotForked):
            self._refuse(message.id, message.why)
        elif message.id in self._on_end:
            process, on_end = self._on_end.pop(message.id)
            process.has_ended(message)
            on_end(message)

    def _refuse(self, number: int, why: str) -> None:
        forked, _ = self._forking.pop(number)
        if not forked.done():
            forked.set_exception(_down(why))

    def _got(self, number: int, process: WorkerProcess) -> None:
        forked, on_end = self._forking.pop(number)
        if forked.done():  # whoever wanted it has been cancelled
            process.kill()
            on_end = _nobody
        else:
            forked.set_result(process)
        self._on_end[number] = (process, on_end)

    def _fall(self) -> None:
        """It has ended, or does not serve any longer: so have all its workers, by the kernel's hand."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._sock)
        self._sock.close()
        self._process.kill()
        self._waiting = asyncio.ensure_future(asyncio.to_thread(self._wait))
        for forked, _ in self._forking.values():
            if not forked.done():
                forked.set_exception(_down("it ended"))
        self._forking.clear()
        ended, self._on_end = self._on_end, {}
        for process, on_end in ended.values():
            process.kill()
            process.has_ended(Reaped(id=0, status=-9, cpu_ns=process.cpu_ns(), max_rss=0))
            on_end(None)

    def _wait(self) -> None:
        self._process.wait()


def _nobody(_: Reaped | None) -> None:
    """Nobody waits for this worker's end."""


def _started(descriptor: int, niceness: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-m", _ZYGOTE, str(descriptor), str(os.getpid()), str(niceness)],
        pass_fds=(descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={
            "PYTHONPATH": str(Path(runtime.__file__).parents[1]),
            "LANG": "C.UTF-8",
            "MALLOC_ARENA_MAX": "2",
        },
    )


def _down(why: str) -> Unavailable:
    return Unavailable(
        "ZYGOTE_DOWN", f"The process that starts guests cannot do it: {why}.", hint="It is started again; try again."
    )
