"""WorkerReplica: a worker's life: ready, answering, interrupted, ended."""

import asyncio
import os
import socket
from collections.abc import Callable

import msgspec

from runtime.wasm.host import ending, failures
from runtime.wasm.host.connections import Connections
from runtime.wasm.host.control_socket import ControlSocket
from runtime.wasm.host.framed_channel import FramedChannel
from runtime.wasm.host.outgoing_calls import OutgoingCalls
from runtime.wasm.host.output_pipe import OutputPipe
from runtime.wasm.host.request_channel import RequestChannel
from runtime.wasm.host.throttle import Throttle
from runtime.wasm.host.watcher import Watcher
from runtime.wasm.host.worker_process import WorkerProcess
from runtime.wasm.launch import Abi, Done, Exit, Launch, Line, Outgoing, Pipes, Usage
from runtime.wasm.wire import (
    CONNECTIONS_MOST,
    START,
    Closed,
    Data,
    Ended,
    Failure,
    FromWorker,
    Interrupt,
    Ready,
    Reaped,
)

MERCY = 0.05
"""Seconds between an interrupt and SIGKILL."""


class Ends(msgspec.Struct, frozen=True):
    """The daemon's ends of what connects it with a worker."""

    requests: socket.socket
    control: socket.socket
    stdout: int
    stderr: int


class WorkerReplica:
    """`launch.Replica` for one worker. It ends once, and then says how to everybody who waits.

    The launcher makes it, lets the zygote fork, and calls `forked`; then `started` waits until the guest is ready.
    """

    def __init__(
        self, launch: Launch, ends: Ends, throttle: Throttle, output: Line, outgoing: Outgoing | None, timeout: float
    ) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._launch = launch
        self._throttle = throttle
        self._usage = Usage()
        self._process: WorkerProcess | None = None
        calls_most = CONNECTIONS_MOST if launch.abi is Abi.TCP else 1
        self._calls = OutgoingCalls(loop, outgoing if launch.http_request else None, calls_most)
        self._control = ControlSocket(loop, ends.control, self._heard, lambda: self._broken("its words make no sense"))
        watcher = Watcher(
            overdue=self._overdue, trapped=self._trapped, idle=self._is_idle, broken=self._broken, lost=self._lost
        )
        self._requests = RequestChannel(loop, self._usage, self._calls, watcher, timeout)
        self._framed = FramedChannel(
            loop,
            self._usage,
            self._calls,
            watcher,
            timeout,
            output=lambda piece: output("stdout", piece),
            ready=self._is_ready,
        )
        self._channel = self._framed if launch.abi is Abi.FRAMED else self._requests
        self._answers = launch.abi not in {Abi.COMMAND, Abi.TCP}
        self._connections = Connections(self._control, self._usage, self._is_idle, launch.user)
        self._outputs = (
            OutputPipe(loop, ends.stdout, lambda piece: output("stdout", piece)),
            OutputPipe(loop, ends.stderr, lambda piece: output("stderr", piece)),
        )
        self._socket = ends.requests
        self._ready: asyncio.Future[None] = loop.create_future()
        self._exit: asyncio.Future[Exit] = loop.create_future()
        self._idle = asyncio.Event()
        self._idle.set()
        self._walls: Ready | None = None
        self._own_memory = 0
        self._last_word: Ended | None = None
        self._reason: str | None = None
        self._start_timer: asyncio.TimerHandle | None = None
        self._taking = True
        self._lost_requests = False
        self._reaped: Reaped | None = None

    async def open(self) -> None:
        """Let requests flow."""
        await self._loop.create_unix_connection(lambda: self._requests, sock=self._socket)

    def forked(self, process: WorkerProcess) -> None:
        """The zygote has forked it."""
        self._process = process
        self._start_timer = self._loop.call_later(self._launch.start_time, self._start_overdue)

    def abandon(self) -> None:
        """It was never forked, perhaps not even opened: no loss of its request socket may ever be told of."""
        self._reaped = Reaped(id=0, status=-9, cpu_ns=0, max_rss=0)
        self._lost_requests = True
        self._requests.close()
        self._finish()

    async def started(self) -> None:
        """Wait until its guest is ready. Raises GuestFailed RUNTIME_ERROR; it has ended then, or is about to."""
        await asyncio.shield(self._ready)

    @property
    def pid(self) -> int:
        """See launch.Replica."""
        return self._process.pid if self._process is not None else 0

    @property
    def walls(self) -> Ready | None:
        """Which walls stand around it, and whether the fast bindings are used."""
        return self._walls

    @property
    def pending(self) -> int:
        """See launch.Replica."""
        return self._channel.pending + len(self._connections)

    def usage(self) -> Usage:
        """See launch.Replica. Guests with pipes: memory is the process's own, beyond what it had without its guest."""
        used = msgspec.structs.replace(self._usage)
        if self._process is not None:
            used.cpu_ns = self._process.cpu_ns()
            if self._launch.abi in {Abi.FRAMED, Abi.COMMAND, Abi.TCP}:
                used.memory = max(0, self._process.private_memory() - self._own_memory)
                used.memory_peak = self._usage.memory_peak = max(used.memory, used.memory_peak)
        return used

    def submit(self, request: bytes, done: Done) -> None:
        """See launch.Replica."""
        if not self._taking or self._lost_requests or not self._answers:
            self._loop.call_soon(done, failures.not_begun())
            return
        self._channel.submit(request, done)
        if self._idle.is_set():
            self._begin()

    async def connect(self) -> Pipes:
        """See launch.Replica. Raises Unavailable GUEST_FULL, too."""
        if not self._taking or self._launch.abi is not Abi.TCP:
            raise failures.gone()
        pipes = self._connections.open()
        self._begin()
        return pipes

    async def stop(self, grace: float) -> Exit:
        """See launch.Replica. A command has nothing under way that could be waited for: it is interrupted at once."""
        self._taking = False
        if self._launch.abi is Abi.COMMAND:
            self._interrupt(START)
            return await self._end_within(MERCY)
        if not await self._wait(self._idle, grace):
            self._interrupt(self._channel.head or START)
            await self._wait(self._idle, MERCY)
        self._requests.close()
        self._framed.close()
        return await self._end_within(MERCY)

    def kill(self) -> None:
        """See launch.Replica."""
        self._taking = False
        if self._process is not None:
            self._process.kill()

    def when_ended(self, told: Callable[[], None]) -> None:
        """Have `told` called after its end."""
        self._exit.add_done_callback(lambda _: told())

    async def ended(self) -> Exit:
        """See launch.Replica."""
        return await asyncio.shield(self._exit)

    def has_ended(self, reaped: Reaped | None) -> None:
        """The zygote has reaped it, or (None) has ended and taken it along."""
        if reaped is None:
            self._reason = ending.ZYGOTE_DOWN
        self._reaped = reaped or Reaped(id=0, status=-9, cpu_ns=0, max_rss=0)
        self._finish()

    async def _wait(self, event: asyncio.Event, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True

    async def _end_within(self, seconds: float) -> Exit:
        try:
            async with asyncio.timeout(seconds):
                return await self.ended()
        except TimeoutError:
            self.kill()
            return await self.ended()

    def _begin(self) -> None:
        self._idle.clear()
        if self._launch.cpu is not None and self._process is not None:
            self._throttle.begin(self._process, self._launch.cpu)

    def _is_idle(self) -> None:
        if self.pending == 0 and self._launch.abi is not Abi.COMMAND:
            self._idle.set()
            if self._launch.cpu is not None and self._process is not None:
                self._throttle.end(self._process)

    def _overdue(self, request: int) -> None:
        """The head's time is up: interrupt it, and kill the worker if that does not help."""
        self._interrupt(START if self._channel is self._framed else request)
        self._loop.call_later(MERCY, self._kill_if_still_at, request)

    def _interrupt(self, request: int) -> None:
        if self._process is not None:
            self._throttle.let_go(self._process, MERCY)
        self._control.say(Interrupt(request=request))

    def _kill_if_still_at(self, request: int) -> None:
        if self._channel.head == request:
            self._end_because(ending.TIMEOUT)
            # On a busy machine its end takes a while; nobody has to wait for that.
            self._channel.fail(failures.timed_out(), failures.not_begun)

    def _trapped(self) -> None:
        """It starts another instance now, which has to come to an end; what the last one asked for is for nobody."""
        self._calls.cancel()
        if self._start_timer is None:
            self._start_timer = self._loop.call_later(self._launch.start_time, self._start_overdue)

    def _start_overdue(self) -> None:
        self._interrupt(START)
        self._start_timer = self._loop.call_later(MERCY, self._start_failed)

    def _start_failed(self) -> None:
        self._end_because(ending.START_TIMEOUT)
        self._not_ready(ending.NOT_READY)

    def _end_because(self, reason: str) -> None:
        if self._reason is None:
            self._reason = reason
        self.kill()

    def _broken(self, why: str) -> None:
        self._not_ready(why)
        self._end_because(ending.BROKEN)

    def _heard(self, message: FromWorker, descriptors: list[int]) -> None:
        match message:
            case Ready():
                self._walls = message
                self._own_memory = self._process.private_memory() if self._process is not None else 0
                if self._launch.abi is not Abi.FRAMED:
                    self._is_ready()
            case Data() if len(descriptors) == 2 and self._channel is self._framed:
                stdin, stdout = descriptors
                self._framed.attach(stdin, stdout, message.failure)
                return
            case Closed():
                self._connections.closed(message)
            case Ended():
                self._last_word = message
            case Data():
                self._broken("it offers pipes that nobody wants")
            case _:
                self._reason = message.failure.trap or message.failure.code
                self._not_ready(ending.why_not_ready(message.failure), message.failure)
        for each in descriptors:
            os.close(each)

    def _is_ready(self) -> None:
        if self._start_timer is not None:
            self._start_timer.cancel()
            self._start_timer = None
        if not self._ready.done():
            self._ready.set_result(None)
            if self._launch.abi is Abi.COMMAND:
                self._begin()

    def _not_ready(self, why: str, failure: Failure | None = None) -> None:
        if not self._ready.done():
            self._ready.set_exception(ending.cannot_run(self._launch, why, failure))
            self._ready.exception()  # retrieved: if nobody waits for it, that is no error of its own

    def _lost(self) -> None:
        """The request socket is at its end: nothing can be answered any longer."""
        self._lost_requests = True
        self._finish()

    def _finish(self) -> None:
        if not self._lost_requests or self._reaped is None or self._exit.done():
            return
        self._control.drain()
        for pipe in self._outputs:
            pipe.drain()
        self._calls.cancel()
        self._connections.clear()
        if self._start_timer is not None:
            self._start_timer.cancel()
        if self._process is not None:
            self._throttle.forget(self._process)
        ended = ending.exit_of(self._reaped, self._last_word, self._reason)
        self._exit.set_result(ended)
        self._idle.set()
        if ended.trap == ending.START_TIMEOUT:
            self._not_ready(ending.NOT_READY)
        self._not_ready(f"its worker ended with {ended.code}{f' ({ended.trap})' if ended.trap else ''}")
        self._channel.fail(ending.head_error(ended), failures.not_begun)
        self._framed.close()
