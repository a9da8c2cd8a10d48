"""RequestSocket: requests come and answers go through it, in the guest's own thread."""

import select
import socket
from collections import deque

import msgspec

from runtime.wasm.guest.turns import Turns
from runtime.wasm.wire import ANSWER, DOWN, FAILED, HTTP_ANSWER, HTTP_REQUEST, REQUEST, UP, Failure

_PIECE = 64 * 1024
_HEAD = DOWN.size


class RequestSocket:
    """Blocking, buffered: what the daemon wrote at once is read at once."""

    def __init__(self, sock: socket.socket, turns: Turns) -> None:
        self._sock = sock
        self._turns = turns
        self._data = b""
        self._at = 0
        self._kept: deque[tuple[int, bytes]] = deque()
        self._asked = 0
        self._wait = select.poll()
        self._wait.register(sock, select.POLLIN)
        self._wait.register(turns.fileno(), select.POLLIN)

    def next(self) -> tuple[int, bytes] | None:
        """Wait for a request: its id and payload. None: the daemon wants no more answers."""
        if self._kept:
            return self._kept.popleft()
        while True:
            frame = self._frame()
            if frame is None:
                return None
            if frame[1] == REQUEST:
                return frame[0], frame[2]

    def answer(self, request: int, pages: int, payload: bytes) -> None:
        """Answer a request."""
        self._send(UP.pack(len(payload), request, ANSWER, pages), payload)

    def fail(self, request: int, pages: int, failure: Failure) -> None:
        """Say why a request has no answer."""
        payload = msgspec.json.encode(failure)
        self._send(UP.pack(len(payload), request, FAILED, pages), payload)

    def http(self, request: bytes) -> bytes:
        """Have the daemon carry out a `fabric.http_request`; requests that come meanwhile wait.

        Raises InterruptedError when the guest's own request ran out of time, ConnectionError when the daemon is gone.
        """
        if self._turns.interrupted:
            raise InterruptedError
        self._asked = asked = (self._asked + 1) & 0xFFFFFFFF
        self.ask(asked, request)
        while True:
            frame = self._frame(patient=False)
            if frame is None:
                raise ConnectionError
            number, kind, payload = frame
            if kind == REQUEST:
                self._kept.append((number, payload))
            elif kind == HTTP_ANSWER and number == asked:
                return payload

    def ask(self, number: int, request: bytes) -> None:
        """Only ask; the answer comes with this number."""
        self._send(UP.pack(len(request), number, HTTP_REQUEST, 0), request)

    def next_answer(self) -> tuple[int, bytes] | None:
        """Wait for an answer to what was asked. None: the daemon gives none any longer."""
        while True:
            frame = self._frame()
            if frame is None:
                return None
            if frame[1] == HTTP_ANSWER:
                return frame[0], frame[2]

    def _send(self, head: bytes, payload: bytes) -> None:
        if len(payload) <= _PIECE:
            self._sock.sendall(head + payload)
        else:
            self._sock.sendall(head)
            self._sock.sendall(payload)

    def _frame(self, *, patient: bool = True) -> tuple[int, int, bytes] | None:
        data, at = self._data, self._at
        while True:
            have = len(data) - at
            if have >= _HEAD:
                size, number, kind = DOWN.unpack_from(data, at)
                start = at + _HEAD
                end = start + size
                if end <= len(data):
                    self._data, self._at = (b"", 0) if end == len(data) else (data, end)
                    return number, kind, data[start:end]
                if size > _PIECE:
                    payload = self._fill(data[start:], size)
                    self._data, self._at = b"", 0
                    return None if payload is None else (number, kind, payload)
            if not patient:
                self._data, self._at = data, at
                self._wait_for_more()
            piece = self._sock.recv(_PIECE)
            if not piece:
                return None
            data, at = (data[at:] + piece if have else piece), 0

    def _fill(self, begun: bytes, size: int) -> bytes | None:
        payload = bytearray(size)
        payload[: len(begun)] = begun
        view, at = memoryview(payload), len(begun)
        while at < size:
            count = self._sock.recv_into(view[at:])
            if not count:
                return None
            at += count
        return bytes(payload)

    def _wait_for_more(self) -> None:
        for descriptor, _ in self._wait.poll():
            if descriptor == self._turns.fileno():
                raise InterruptedError
