"""Sealing: a stream encrypted in chunks, so that any change, also a cut or another order, is seen while it is read.

    header   8 bytes magic · 8 bytes check of the key · 16 bytes salt
    chunk    AES-256-GCM of up to 1 MiB, with its 16-byte tag; its nonce is its number, and whether it is the last

The stream's own key is made of the volume key and the salt; the header is authenticated with every chunk.
"""

import os
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from catalog.errors import Conflict
from runtime.daemon.volumes.archive import Writable

CHUNK = 1024 * 1024
TAG = 16
MAGIC = b"fabvol1\n"
HEADER = len(MAGIC) + 8 + 16


class SealedWriter:
    """A file to write plain bytes to. `finish` ends the stream; without it the stream reads as cut."""

    def __init__(self, out: Writable, key: bytes) -> None:
        salt = os.urandom(16)
        self._out = out
        self._header = MAGIC + _check(key) + salt
        self._cipher = AESGCM(_stream_key(key, salt))
        self._buffer = bytearray()
        self._number = 0
        out.write(self._header)

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._buffer += data
        while len(self._buffer) > CHUNK:
            self._put(bytes(self._buffer[:CHUNK]), last=False)
            del self._buffer[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk."""
        self._put(bytes(self._buffer), last=True)
        self._buffer.clear()

    def _put(self, plain: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last), plain, self._header))
        self._number += 1


class SealedReader:
    """A file of the plain bytes, each authenticated before it is given out.

    Raises Conflict VOLUME_KEY_WRONG for another key, VOLUME_DAMAGED for any change.
    """

    def __init__(self, source: BinaryIO, key: bytes) -> None:
        self._source = source
        self._header = source.read(HEADER)
        if len(self._header) != HEADER or not self._header.startswith(MAGIC):
            raise _damaged("it has no header")
        if self._header[8:16] != _check(key):
            raise Conflict(
                "VOLUME_KEY_WRONG",
                "The volume was encrypted with another key.",
                hint="Start the daemon with the FABRICKS_VOLUME_KEY it had then.",
            )
        self._cipher = AESGCM(_stream_key(key, self._header[16:]))
        self._next = source.read(CHUNK + TAG)
        self._plain = memoryview(b"")
        self._number = 0
        self._ended = False

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes, fewer only at the end; all that is left without a count."""
        parts: list[bytes] = []
        while count != 0:
            if not self._plain:
                if self._ended:
                    break
                self._plain = memoryview(self._open())
            part = bytes(self._plain if count < 0 else self._plain[:count])
            self._plain = self._plain[len(part) :]
            count -= len(part) if count > 0 else 0
            parts.append(part)
        return b"".join(parts)

    def _open(self) -> bytes:
        sealed, self._next = self._next, self._source.read(CHUNK + TAG)
        self._ended = not self._next
        try:
            plain = self._cipher.decrypt(_nonce(self._number, self._ended), sealed, self._header)
        except (InvalidTag, ValueError):
            raise _damaged(f"chunk {self._number} is not what was written") from None
        self._number += 1
        return plain


def _stream_key(key: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, b"fabric volume stream").derive(key)


def _check(key: bytes) -> bytes:
    return HKDF(SHA256(), 8, None, b"fabric volume key check").derive(key)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))


def _damaged(why: str) -> Conflict:
    return Conflict("VOLUME_DAMAGED", f"The encrypted volume is damaged: {why}.", hint="Restore another backup.")
