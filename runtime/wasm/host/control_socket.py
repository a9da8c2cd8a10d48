"""ControlSocket: whole messages to and from a worker, with descriptors where they carry some."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import msgspec

from runtime.wasm.wire import MESSAGE_MOST, FromWorker, ToWorker, decode_from_worker, encode

Heard = Callable[[FromWorker, list[int]], None]
_DESCRIPTORS = 2


class ControlSocket:
    """Owns the daemon's end. `heard` gets every message with its descriptors, which it then owns.

    `broken` is called when the worker says what it never would: it is no longer ours.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, heard: Heard, broken: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._heard = heard
        self._broken = broken
        self._open = True
        sock.setblocking(False)
        loop.add_reader(sock, self._read)

    def say(self, message: ToWorker, descriptors: Sequence[int] = ()) -> bool:
        """Send; never waits. False: the worker is gone, or has not listened for hundreds of messages."""
        if not self._open:
            return False
        try:
            socket.send_fds(self._sock, [encode(message)], list(descriptors))
        except OSError:
            return False
        return True

    def drain(self) -> None:
        """Hear what is left, and close."""
        while self._open and self._read():
            pass
        self.close()

    def close(self) -> None:
        """Close our end; the worker then ends itself."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _read(self) -> bool:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, MESSAGE_MOST, _DESCRIPTORS)
        except BlockingIOError:
            return False
        except OSError:
            data, descriptors = b"", []
        if not data:
            self.close()
            return False
        try:
            message = decode_from_worker(data)
        except msgspec.DecodeError:
            self._broken()
            return False
        self._heard(message, descriptors)
        return True
