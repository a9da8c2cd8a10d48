"""FramedChannel: requests and answers through a framed guest's own stdin and stdout: what comes there, it wrote."""

import asyncio
import os
from collections import deque
from collections.abc import Callable

from catalog.errors import FabricError, TargetFailed
from runtime.wasm.host import failures
from runtime.wasm.host.allowance import Allowance
from runtime.wasm.host.ending import why_not_ready
from runtime.wasm.host.gathering import Gathering
from runtime.wasm.host.head_timer import HeadTimer
from runtime.wasm.host.outgoing_calls import OutgoingCalls
from runtime.wasm.host.output_pipe import BURST, RATE
from runtime.wasm.host.watcher import Watcher
from runtime.wasm.launch import Done, Usage
from runtime.wasm.messages import ANSWER_MOST
from runtime.wasm.wire import ANSWER, HTTP_ANSWER, HTTP_REQUEST, OUTPUT, PIPE, READY, REQUEST, Failure

_PIECE = 256 * 1024
_PIPE_SIZE = PIPE.size


class FramedChannel:
    """One request is in the guest's hands at a time; the others have certainly not been begun.

    The pipes belong to one instance of the guest; `attach` brings those of the next one. `ready` is called when an
    instance says that it is.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        usage: Usage,
        calls: OutgoingCalls,
        watcher: Watcher,
        timeout: float,
        *,
        output: Callable[[bytes], None],
        ready: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._usage = usage
        self._calls = calls
        self._watcher = watcher
        self._output = output
        self._tell_ready = ready
        self._timer = HeadTimer(loop, timeout, self._overdue)
        self._waiting: deque[tuple[bytes, Done]] = deque()
        self._under_way: Done | None = None
        self._number = 0
        self._is_ready = self._is_held = False
        self._stdin = self._stdout = -1
        self._unsent = bytearray()
        self._printed = Allowance(loop.time, rate=RATE, burst=BURST)
        self._resting: asyncio.TimerHandle | None = None
        self._partial = Gathering()

    @property
    def pending(self) -> int:
        """Requests that have no answer."""
        return len(self._waiting) + (self._under_way is not None)

    @property
    def head(self) -> int | None:
        """The request that has been begun."""
        return self._number if self._under_way is not None else None

    def submit(self, request: bytes, done: Done) -> None:
        """Hand it over."""
        self._waiting.append((request, done))
        if self._under_way is None:
            self._begin()

    def attach(self, stdin: int, stdout: int, failure: Failure | None) -> None:
        """A new instance's pipes, which are ours now; `failure` is what ended the one before, at its request."""
        fresh = self._stdin < 0 and failure is None
        if not fresh and not self._is_ready:
            os.close(stdin)
            os.close(stdout)
            self._watcher.broken(why_not_ready(failure) if failure is not None else "it starts over without a reason")
            return
        self._detach()
        self._stdin, self._stdout = stdin, stdout
        os.set_blocking(stdin, False)
        os.set_blocking(stdout, False)
        self._loop.add_reader(stdout, self._read)
        if failure is not None:
            self._usage.traps += 1
            self._watcher.trapped()
            self._settle(failures.of_guest(failure))

    def hold(self) -> None:
        """Begin nothing more with this instance: it has been interrupted."""
        self._is_held = True

    def fail(self, head: FabricError, others: Callable[[], FabricError]) -> None:
        """Call back everybody who waits: who has been begun gets `head`."""
        self._timer.close()
        done, self._under_way = self._under_way, None
        waiting, self._waiting = self._waiting, deque()
        if done is not None:
            done(head)
        for _, each in waiting:
            each(others())

    def close(self) -> None:
        """Close the pipes: a guest that reads its end of file ends."""
        self._timer.close()
        self._detach()

    def _detach(self) -> None:
        self._is_ready = self._is_held = False
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if self._stdout >= 0:
            self._loop.remove_reader(self._stdout)
            os.close(self._stdout)
        if self._stdin >= 0:
            self._loop.remove_writer(self._stdin)
            os.close(self._stdin)
        self._stdin = self._stdout = -1
        self._unsent.clear()
        self._partial.clear()

    def _begin(self) -> None:
        """The next request, if there is one and the guest can take it."""
        if not self._waiting or not self._is_ready or self._is_held:
            return
        request, self._under_way = self._waiting.popleft()
        self._number += 1
        self._timer.begin()
        self._usage.received += len(request)
        self._send(REQUEST, request)

    def _send(self, kind: int, payload: bytes) -> None:
        if self._stdin < 0:
            return
        if self._unsent:
            self._unsent += PIPE.pack(len(payload), kind)
            self._unsent += payload
            return
        frame = PIPE.pack(len(payload), kind) + payload
        sent = self._write(frame)
        if sent < len(frame):
            self._unsent += frame[sent:]
            self._loop.add_writer(self._stdin, self._send_more)

    def _send_more(self) -> None:
        del self._unsent[: self._write(self._unsent)]
        if not self._unsent:
            self._loop.remove_writer(self._stdin)

    def _write(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._stdin, data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)  # the guest has ended or is being replaced; the worker says so

    def _read(self) -> None:
        try:
            data = os.read(self._stdout, _PIECE)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._stdout)
            os.close(self._stdout)
            self._stdout = -1
            return
        if self._partial.need:
            whole = self._partial.add(data)
            if whole is None:
                return
            data = whole
        source = self._stdout
        at, end = 0, len(data)
        while end - at >= _PIPE_SIZE:
            size, kind = PIPE.unpack_from(data, at)
            if size > ANSWER_MOST:
                self._refuse(failures.overflow())
                return
            stop = at + _PIPE_SIZE + size
            if stop > end:
                self._partial.keep(data, at, stop)
                return
            payload = data[at + _PIPE_SIZE : stop]
            at = stop
            if not self._take(kind, payload) or self._stdout != source:
                return
        if at < end:
            self._partial.keep(data, at, at + _PIPE_SIZE)

    def _take(self, kind: int, payload: bytes) -> bool:
        if kind == ANSWER and self._under_way is not None:
            self._usage.requests += 1
            self._usage.sent += len(payload)
            self._settle(payload)
        elif kind == OUTPUT:
            self._output(payload)
            self._rest(self._printed.take(len(payload)))
        elif kind == HTTP_REQUEST and self._under_way is not None:
            if not self._calls.begin(payload, self._answer_http):
                self._refuse(failures.bad_answer("it asks again before it has its answer"))
                return False
        elif kind == READY and not self._is_ready:
            self._is_ready = True
            self._tell_ready()
            self._begin()
        else:
            self._refuse(failures.bad_answer(f"a frame of kind {kind} has no place here"))
            return False
        return True

    def _rest(self, seconds: float) -> None:
        """It prints more than we take: read on after a while."""
        if seconds and self._resting is None and self._stdout >= 0:
            self._loop.remove_reader(self._stdout)
            self._resting = self._loop.call_later(seconds, self._read_on, self._stdout)

    def _read_on(self, stdout: int) -> None:
        self._resting = None
        if stdout == self._stdout:
            self._loop.add_reader(stdout, self._read)

    def _answer_http(self, answer: bytes) -> None:
        self._send(HTTP_ANSWER, answer)

    def _settle(self, answer: bytes | FabricError) -> None:
        """What is under way has its answer; the next one begins."""
        done, self._under_way = self._under_way, None
        self._timer.stop()
        self._begin()
        if done is not None:
            done(answer)
        if self._under_way is None and not self._waiting:
            self._watcher.idle()

    def _refuse(self, error: TargetFailed) -> None:
        """This guest talks nonsense: nothing it says from now on can be told from nonsense."""
        self._is_ready = False
        self._settle(error)
        # First its end, then its pipes: at its end of file it would end by itself, as if all were well.
        self._watcher.broken(error.message)
        self._detach()

    def _overdue(self) -> None:
        self.hold()
        self._watcher.overdue(self._number)
