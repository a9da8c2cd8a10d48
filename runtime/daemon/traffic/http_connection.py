"""HttpConnection: one client of a service's port. No task, no future, no timer a request.

Requests of a connection are answered one after the other; what a client sends ahead waits, within bounds. Deadlines
are looked at by the port, once a tick for all its connections.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from catalog.errors import FabricError
from runtime.daemon.traffic.answers import failure
from runtime.daemon.traffic.listening import end_writing
from runtime.daemon.traffic.private_paths import is_private, not_found
from runtime.daemon.traffic.request_reader import Pending, Reading, RequestReader, malformed, overdue
from runtime.wasm.messages import Header

if TYPE_CHECKING:
    from runtime.daemon.traffic.http_port import HttpPort

AHEAD_MOST = 256
"""Requests that one read may bring beyond what is asked to be sent ahead."""


class HttpConnection(asyncio.Protocol):
    """Reads requests, hands them to the service's route, writes the answers."""

    __slots__ = (
        "_asking", "_closing", "_current", "_done", "_paused", "_peer", "_port", "_queue", "_reader", "_refused",
        "_since", "_stuck_since", "_transport", "_verdict",
    )  # fmt: skip

    def __init__(self, port: "HttpPort") -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._reader: RequestReader | None = None
        self._queue: deque[Pending] = deque()
        self._current: Pending | None = None
        self._asking = self._paused = self._closing = False
        self._done = self._answered
        self._peer = ""
        self._verdict = -1
        self._refused: FabricError | None = None
        self._since = port.now
        """Since when a request is being read or none is, or the farewell was said."""
        self._stuck_since: float | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or end it at once where there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        if not self._port.take(self):
            self._transport.abort()
            return
        self._since = self._port.now
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        forwarded: list[Header] = [(b"x-forwarded-for", self._peer.encode()), (b"x-forwarded-proto", b"http")]
        self._reader = RequestReader(self._port.limits, forwarded, self._taken, self._say_continue)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; an answer that is still to come goes nowhere."""
        self._transport = self._reader = None
        self._queue.clear()
        self._port.forget(self)

    def pause_writing(self) -> None:
        """The client does not read: nothing more is begun for him until he does."""
        self._paused, self._stuck_since = True, self._port.now
        self._throttle()

    def resume_writing(self) -> None:
        """He reads again."""
        self._paused, self._stuck_since = False, None
        self._next()

    def eof_received(self) -> bool:
        """He sends no more; what he has asked for is answered still."""
        return self._end_after_current()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        reader = self._reader
        if reader is None or self._closing:
            return
        before = reader.reading
        if before is Reading.NONE:
            self._since = self._port.now
        try:
            if not reader.feed(data):
                self._end_after_current()
        except FabricError as error:
            if not self._end_after_current():
                self._farewell(error)
            return
        if before is Reading.HEAD and reader.reading is Reading.BODY:
            self._since = self._port.now

    # Asking and answering

    def _taken(self, pending: Pending) -> None:
        """A whole request was read."""
        if len(self._queue) > AHEAD_MOST:
            raise malformed("too many are sent ahead of their answers")
        self._queue.append(pending)
        self._next()

    def _next(self) -> None:
        """Ask for what is first in the queue, if nothing is under way."""
        if self._asking:
            return
        # A route may answer at once: without the mark every such answer would come back here, deeper.
        self._asking = True
        queue = self._queue
        while queue and self._current is None and not (self._paused or self._closing):
            self._current = queue.popleft()
            self._ask(self._current)
        self._asking = False
        self._throttle()

    def _ask(self, pending: Pending) -> None:
        port = self._port
        verdict = port.verdict
        if self._verdict != verdict:
            self._verdict = verdict
            self._refused = port.refuses(self._peer)
        if self._refused is not None:
            self._answered(self._refused)
        elif is_private(pending.target):
            self._answered(not_found())
        else:
            port.route.forward(pending.request, self._done)

    def _answered(self, answer: bytes | Exception) -> None:
        transport, pending, port = self._transport, self._current, self._port
        self._current = None
        if transport is None or pending is None:
            return
        keep = pending.keep and not port.draining
        if isinstance(answer, bytes):
            try:
                rendered = port.answers.render(answer, port.date, keep=keep, head_only=pending.head_only)
            except FabricError as error:
                rendered = failure(error, port.date, keep=keep, head_only=pending.head_only)
        else:
            rendered = failure(answer, port.date, keep=keep, head_only=pending.head_only)
        transport.write(rendered)
        self._since = port.now
        if not keep:
            self._end()
        elif self._queue:
            self._next()

    def _throttle(self) -> None:
        """Read no more from a client who is far ahead of his answers."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._paused or len(self._queue) >= self._port.limits.pipelined:
            if transport.is_reading():
                transport.pause_reading()
        elif not transport.is_reading():
            self._since = self._port.now
            transport.resume_reading()

    def _say_continue(self) -> None:
        # Behind another request the client waits for that one's answer first, and then sends what he has.
        if self._current is None and not self._queue and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # Endings

    def _end_after_current(self) -> bool:
        """Is something to be answered still? Then the connection ends after it."""
        last = self._queue[-1] if self._queue else self._current
        if last is None:
            return False
        last.keep = False
        return True

    def _farewell(self, error: FabricError) -> None:
        """Say what is wrong, and end: what the client still sends is not looked at."""
        if self._transport is not None:
            self._transport.write(failure(error, self._port.date, keep=False, head_only=False))
            self._end()

    def _end(self) -> None:
        """End after what was written. Closed at once, the client might lose it to a reset for what he still sends."""
        transport = self._transport
        if transport is None or self._closing:
            return
        self._closing, self._since = True, self._port.now
        self._queue.clear()
        end_writing(transport)
        if not (transport.is_closing() or transport.is_reading()):
            transport.resume_reading()

    def look(self, now: float) -> None:
        """End it if its time is up."""
        transport, reader, limits = self._transport, self._reader, self._port.limits
        if transport is None or reader is None:
            return
        past = now - self._since
        if self._stuck_since is not None and now - self._stuck_since > limits.write_seconds:
            transport.abort()
        elif self._closing:
            if past > limits.farewell_seconds and self._stuck_since is None:
                transport.abort()
        elif self._current is not None or self._queue or not transport.is_reading():
            return
        elif reader.reading is Reading.NONE:
            if past > limits.idle_seconds:
                transport.close()
        else:
            allowed = limits.head_seconds if reader.reading is Reading.HEAD else limits.body_seconds
            if past > allowed:
                self._farewell(overdue(reader.reading, allowed))

    def drain(self) -> None:
        """End as soon as nothing is under way."""
        if not self._end_after_current() and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End now."""
        if self._transport is not None:
            self._transport.abort()
