"""RequestChannel: requests to a worker and its answers, on the daemon's loop without a task or a future for each."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import msgspec

from catalog.errors import FabricError
from runtime.wasm.host import failures
from runtime.wasm.host.gathering import Gathering
from runtime.wasm.host.head_timer import HeadTimer
from runtime.wasm.host.outgoing_calls import OutgoingCalls
from runtime.wasm.host.watcher import Watcher
from runtime.wasm.launch import Done, Usage
from runtime.wasm.messages import ANSWER_MOST
from runtime.wasm.wire import ANSWER, DOWN, FAILED, HTTP_ANSWER, HTTP_REQUEST, PAGE, REQUEST, UP, Failure

_LAST = 0xFFFFFFFF
_FRAME_MOST = ANSWER_MOST + 1024
_UP_SIZE = UP.size


class RequestChannel(asyncio.Protocol):
    """First in, first out: the worker answers in order, and only the request at the head can have been begun.

    `timeout` in seconds is the head's.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, usage: Usage, calls: OutgoingCalls, watcher: Watcher, timeout: float
    ) -> None:
        self._usage = usage
        self._calls = calls
        self._watcher = watcher
        self._timer = HeadTimer(loop, timeout, self._overdue)
        self._transport: asyncio.WriteTransport | None = None
        self._waiting: deque[Done] = deque()
        self._head = 1
        self._next = 1
        self._partial = Gathering()

    @property
    def pending(self) -> int:
        """Requests that have no answer."""
        return len(self._waiting)

    @property
    def head(self) -> int | None:
        """The request that may have been begun."""
        return self._head if self._waiting else None

    def submit(self, request: bytes, done: Done) -> None:
        """Hand it over. Not after the end."""
        if self._transport is None:
            raise RuntimeError("there is no worker to take it")
        number = self._next
        self._next = number % _LAST + 1
        if not self._waiting:
            self._timer.begin()
        self._waiting.append(done)
        size = len(request)
        self._usage.received += size
        self._transport.write(DOWN.pack(size, number, REQUEST) + request)

    def fail(self, head: FabricError, others: Callable[[], FabricError]) -> None:
        """Call back everybody who waits: the first gets `head`."""
        waiting, self._waiting = self._waiting, deque()
        self._head = self._next
        self._timer.close()
        for place, done in enumerate(waiting):
            done(others() if place else head)

    def close(self) -> None:
        """Tell the worker that nothing more will come."""
        self._timer.close()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio.Protocol's."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio.Protocol's."""
        self._transport = None
        self._timer.close()
        self._watcher.lost()

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol's."""
        if self._partial.need:
            whole = self._partial.add(data)
            if whole is None:
                return
            data = whole
        at, end = 0, len(data)
        while end - at >= _UP_SIZE:
            size, number, kind, pages = UP.unpack_from(data, at)
            start = at + _UP_SIZE
            stop = start + size
            if stop > end:
                if size > _FRAME_MOST:
                    self._watcher.broken("a frame is too long")
                else:
                    self._partial.keep(data, at, stop)
                return
            at = stop
            if kind == ANSWER and number == self._head and self._waiting:
                self._usage.sent += size
                self._answered(data[start:stop], pages)
            else:
                self._unusual(kind, number, pages, data[start:stop])
        if at < end:
            self._partial.keep(data, at, at + _UP_SIZE)

    def _answered(self, answer: bytes | FabricError, pages: int) -> None:
        waiting, usage = self._waiting, self._usage
        done = waiting.popleft()
        self._head = self._head % _LAST + 1
        usage.requests += 1
        usage.memory = memory = pages * PAGE
        usage.memory_peak = max(usage.memory_peak, memory)
        if waiting:
            self._timer.begin()
            done(answer)
        else:
            self._timer.stop()
            done(answer)
            if not waiting:
                self._watcher.idle()

    def _unusual(self, kind: int, number: int, pages: int, payload: bytes) -> None:
        if kind == HTTP_REQUEST:
            if not self._calls.begin(payload, lambda answer: self._answer_http(number, answer)):
                self._watcher.broken("it asks for more than it can wait for")
        elif kind == FAILED and number == self._head and self._waiting and (failure := _read(payload)):
            self._usage.traps += 1
            self._watcher.trapped()
            self._answered(failures.of_guest(failure), pages)
        else:
            self._watcher.broken("it answers what it was not asked")

    def _answer_http(self, number: int, answer: bytes) -> None:
        if self._transport is not None:
            self._transport.write(DOWN.pack(len(answer), number, HTTP_ANSWER) + answer)

    def _overdue(self) -> None:
        self._watcher.overdue(self._head)


def _read(payload: bytes) -> Failure | None:
    try:
        return msgspec.json.decode(payload, type=Failure)
    except msgspec.DecodeError:
        return None
