"""Raw bytes over a socket, for requests that no HTTP client would send."""

import socket
import time
from collections.abc import Iterable

from tests.api.running import Running

QUIET = 0.15
"""Seconds without a byte after which the server has nothing more to say."""


def open_socket(server: Running, seconds: float = 20.0) -> socket.socket:
    """A connection to the server."""
    made = socket.create_connection(server.address, timeout=seconds)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes; what came before a reset counts too."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def exchange(server: Running, sent: bytes) -> bytes:
    """Send these bytes and read what comes back, until the server closes or has nothing more to say."""
    found = b""
    with open_socket(server) as connection:
        connection.sendall(sent)
        try:
            while part := connection.recv(65536):
                found += part
                connection.settimeout(QUIET)
        except (TimeoutError, ConnectionResetError):
            pass
    return found


def statuses(answer: bytes) -> list[int]:
    """The status of each response in a stream of them."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def trickle(connection: socket.socket, parts: Iterable[bytes], pause: float) -> float:
    """Send part after part with a pause; seconds until the server has closed."""
    began = time.monotonic()
    connection.settimeout(pause)
    for part in parts:
        try:
            connection.sendall(part)
            if connection.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began
