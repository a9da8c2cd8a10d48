"""A peer that speaks TCP and means harm: it says what it is told to say, and keeps to no protocol."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behaviour = Callable[[socket.socket], None]
"""What it does with one connection; closed when it returns."""


@contextmanager
def hostile(behave: Behaviour) -> Iterator[int]:
    """One that listens on loopback; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                behave(connection)
            except OSError:
                return

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(20)
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def hangs(connection: socket.socket) -> None:
    """Takes everything and says nothing, until the other side gives up."""
    while connection.recv(65536):
        pass


def resets(connection: socket.socket) -> None:
    """Reads a little and resets."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says(answer: bytes) -> Behaviour:
    """One answer, whatever was asked, and the end."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return behave


def floods(head: bytes, size: int = 1 << 30) -> Behaviour:
    """An answer's head and then `size` bytes, or as many as are taken."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head)
        piece, sent = b"\xff\xd8" + bytes(65534), 0
        while sent < size:
            connection.sendall(piece)
            sent += len(piece)

    return behave
