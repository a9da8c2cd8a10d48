"""Wire: a connection to a camera, plain or with TLS, that one thread reads while another writes."""

import io
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import BinaryIO

from runtime.drivers.cameras.eye.job import Source, Unseen

CONNECT_SECONDS = 5.0
SILENT_SECONDS = 10.0


class Wire:
    """Made connected. Raises Unseen where that cannot be."""

    def __init__(self, source: Source) -> None:
        self._socket = _connected(source)
        # OpenSSL lets no two threads into one connection, and Python does not keep them apart.
        self._alone = threading.Lock()
        self.reader: BinaryIO = io.BufferedReader(_Reading(self._read_into), 64 * 1024)

    def send(self, content: bytes) -> None:
        """All of it. Raises Unseen."""
        try:
            with self._alone:
                self._socket.settimeout(SILENT_SECONDS)
                self._socket.sendall(content)
        except TimeoutError:
            raise Unseen("silent") from None
        except OSError:
            raise Unseen("hung_up") from None

    def close(self) -> None:
        """Wakes whoever reads from it."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _read_into(self, buffer: memoryview) -> int:
        while True:
            waiting = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
            if not waiting and not select.select([self._socket], [], [], SILENT_SECONDS)[0]:
                raise Unseen("silent")
            try:
                with self._alone:
                    self._socket.settimeout(0)
                    return self._socket.recv_into(buffer)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                continue
            except OSError:
                raise Unseen("hung_up") from None


class _Reading(io.RawIOBase):
    def __init__(self, read: Callable[[memoryview], int]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader gives it
        return self._read(buffer)


def _connected(source: Source) -> socket.socket:
    for address in source.addresses:
        try:
            made = socket.create_connection((address, source.port), timeout=CONNECT_SECONDS)
        except OSError:
            continue
        made.settimeout(SILENT_SECONDS)
        return _secured(made, source) if source.scheme == "rtsps" else made
    raise Unseen("unreachable")


def _secured(plain: socket.socket, source: Source) -> socket.socket:
    try:
        context = ssl.create_default_context(cadata=source.authorities or None)
        return context.wrap_socket(plain, server_hostname=source.host)
    except ssl.SSLCertVerificationError:
        raise Unseen("certificate") from None
    except TimeoutError:
        raise Unseen("silent") from None
    except OSError:
        raise Unseen("hung_up") from None
