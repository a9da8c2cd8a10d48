"""WorkerReplica: a worker's life: ready, answering, interrupted, ended."""

import asyncio
import os
import socket
from collections.abc import Callable

import msgspec

from catalog.errors import FabricError, GuestFailed, TargetFailed
from runtime.wasm.host import failures
from runtime.wasm.host.control_socket import ControlSocket
from runtime.wasm.host.outgoing_calls import OutgoingCalls
from runtime.wasm.host.output_pipe import OutputPipe
from runtime.wasm.host.request_channel import RequestChannel, Watcher
from runtime.wasm.host.worker_process import WorkerProcess
from runtime.wasm.launch import Done, Exit, Launch, Line, Outgoing, Pipes, Usage
from runtime.wasm.wire import START, Closed, Data, Ended, Failure, FromWorker, Interrupt, Ready, Reaped, Unfit

MERCY = 0.05
"""Seconds between an interrupt and SIGKILL."""


class Ends(msgspec.Struct, frozen=True):
    """The daemon's ends of what connects it with a worker."""

    requests: socket.socket
    control: socket.socket
    stdout: int
    stderr: int


class WorkerReplica:
    """`launch.Replica` for a worker that the zygote has forked. It ends once, and then says how to everybody."""

    def __init__(self, launch: Launch, ends: Ends, output: Line, outgoing: Outgoing | None, timeout: float) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._launch = launch
        self._usage = Usage()
        self._process: WorkerProcess | None = None
        self._calls = OutgoingCalls(outgoing)
        self._control = ControlSocket(loop, ends.control, self._heard, self.kill)
        self._channel = RequestChannel(
            loop, self._usage, self._calls, Watcher(self._overdue, self._trapped, self.kill, self._lost), timeout
        )
        self._outputs = (
            OutputPipe(loop, ends.stdout, lambda piece: output("stdout", piece)),
            OutputPipe(loop, ends.stderr, lambda piece: output("stderr", piece)),
        )
        self._requests = ends.requests
        self._ready: asyncio.Future[Ready] = loop.create_future()
        self._exit: asyncio.Future[Exit] = loop.create_future()
        self._last_word: Ended | None = None
        self._reason: str | None = None
        self._start_timer: asyncio.TimerHandle | None = None
        self._taking = True
        self._is_lost = False
        self._is_reaped = False

    async def connect_channel(self) -> None:
        """Let requests flow; before anything is submitted."""
        await self._loop.create_unix_connection(lambda: self._channel, sock=self._requests)

    def forked(self, process: WorkerProcess) -> None:
        """The zygote has forked it."""
        self._process = process

    async def started(self) -> Ready:
        """Wait until its guest is ready. Raises GuestFailed RUNTIME_ERROR; it has ended then."""
        try:
            async with asyncio.timeout(self._launch.start_time):
                return await asyncio.shield(self._ready)
        except TimeoutError:
            self._control.say(Interrupt(request=START))
            await self._end_within(MERCY)
            raise _cannot_run(self._launch, "it was not ready in time") from None

    @property
    def pid(self) -> int:
        """See launch.Replica."""
        return self._process.pid if self._process is not None else 0

    @property
    def pending(self) -> int:
        """See launch.Replica."""
        return self._channel.pending

    def usage(self) -> Usage:
        """See launch.Replica."""
        used = msgspec.structs.replace(self._usage)
        if self._process is not None:
            used.cpu_ns = self._process.cpu_ns()
        return used

    def submit(self, request: bytes, done: Done) -> None:
        """See launch.Replica."""
        if self._taking and not self._is_lost:
            self._channel.submit(request, done)
        else:
            self._loop.call_soon(done, failures.not_begun())

    async def connect(self) -> Pipes:
        """See launch.Replica."""
        raise TargetFailed("GUEST_GONE", "This guest takes no connections.")

    async def stop(self, grace: float) -> Exit:
        """See launch.Replica."""
        self._taking = False
        if not await self._idle_within(grace) and self._channel.head is not None:
            self._interrupt(self._channel.head)
            await self._idle_within(MERCY)
        self._channel.close()
        await self._end_within(MERCY)
        return await self.ended()

    def kill(self) -> None:
        """See launch.Replica."""
        self._taking = False
        if self._process is not None:
            self._process.kill()

    async def ended(self) -> Exit:
        """See launch.Replica."""
        return await asyncio.shield(self._exit)

    def has_ended(self, reaped: Reaped | None) -> None:
        """The zygote has reaped it, or (None) has ended and taken it along."""
        if reaped is None:
            self._reason = "ZYGOTE_DOWN"
        self._is_reaped = True
        self._finish()

    async def _end_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.ended()
        except TimeoutError:
            self.kill()
            await self.ended()

    async def _idle_within(self, seconds: float) -> bool:
        # Polled: stopping is rare, and an answer's way has nothing to do for it.
        until = self._loop.time() + seconds
        while self.pending and not self._exit.done():
            if self._loop.time() >= until:
                return False
            await asyncio.sleep(0.005)
        return True

    def _overdue(self, request: int) -> None:
        """The head's time is up: interrupt it, and kill the worker if that does not help."""
        self._interrupt(request)
        self._loop.call_later(MERCY, self._kill_if_still_at, request)

    def _interrupt(self, request: int) -> None:
        if self._process is not None:
            self._process.resume()
        self._control.say(Interrupt(request=request))

    def _kill_if_still_at(self, request: int) -> None:
        if self._channel.head == request:
            self._reason = self._reason or "TIMEOUT"
            self.kill()

    def _trapped(self) -> None:
        """It starts another instance now; that has to come to an end, too."""
        if self._start_timer is None:
            self._start_timer = self._loop.call_later(self._launch.start_time, self._start_overdue)

    def _start_overdue(self) -> None:
        self._reason = "START_TIMEOUT"
        self.kill()

    def _heard(self, message: FromWorker, descriptors: list[int]) -> None:
        for each in descriptors:
            os.close(each)
        match message:
            case Ready():
                if self._start_timer is not None:
                    self._start_timer.cancel()
                    self._start_timer = None
                if not self._ready.done():
                    self._ready.set_result(message)
            case Unfit(failure=failure):
                self._unfit(failure)
            case Ended():
                self._last_word = message
            case Data() | Closed():
                self.kill()

    def _unfit(self, failure: Failure) -> None:
        self._reason = failure.trap or failure.code
        if not self._ready.done():
            self._ready.set_exception(_cannot_run(self._launch, failure.message, failure))

    def _lost(self) -> None:
        """The request socket is at its end: nothing can be answered any longer."""
        self._is_lost = True
        self._finish()

    def _finish(self) -> None:
        if not (self._is_lost and self._is_reaped) or self._exit.done() or self._process is None:
            return
        self._control.drain()
        for pipe in self._outputs:
            pipe.drain()
        self._calls.cancel()
        if self._start_timer is not None:
            self._start_timer.cancel()
        reaped = self._process.reaped
        trap = self._reason
        code = reaped.status if reaped is not None else -9
        if self._last_word is not None:
            code = self._last_word.code
            if self._last_word.failure is not None:
                trap = self._last_word.failure.trap
        self._exit.set_result(
            Exit(
                code=code,
                trap=trap,
                cpu_ns=reaped.cpu_ns if reaped is not None else 0,
                max_rss=reaped.max_rss if reaped is not None else 0,
            )
        )
        if not self._ready.done():
            self._ready.set_exception(_cannot_run(self._launch, f"its worker ended with {code}"))
            self._ready.exception()  # who waits for it gets it; if nobody does, that is no error of its own
        head: FabricError = failures.timed_out() if trap == "TIMEOUT" else failures.gone()
        self._channel.fail(head, failures.not_begun)


def _cannot_run(launch: Launch, why: str, failure: Failure | None = None) -> GuestFailed:
    details: dict[str, object] = {"reason": why}
    if failure is not None and failure.trap is not None:
        details |= {"trap": failure.trap, "frames": list(failure.frames)}
    return GuestFailed(
        "RUNTIME_ERROR", f"The module of `{launch.service}` cannot be run: {why.rstrip('.')}.", details=details
    )


MakeReplica = Callable[[Launch, Ends, Line, Outgoing | None, float], WorkerReplica]
