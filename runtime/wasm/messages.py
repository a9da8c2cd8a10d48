"""One HTTP request and its answer, as guests read and write them: little-endian, every part with its length.

    request    u8 version (1) · u8 n, method · u32 n, path with query · u16 count of headers · u32 n, body
    answer     u8 version (1) · u16 status   ·                          u16 count of headers · u32 n, body
    header     u16 n, name in lower case · u32 n, value

The same bytes go to a warm reactor's memory, through a framed guest's pipes and through `fabric.http_request`.
"""

from collections.abc import Iterable, Sequence
from struct import Struct

import msgspec

from catalog.errors import TargetFailed

VERSION = 1
Header = tuple[bytes, bytes]

_U16, _U32 = Struct("<H"), Struct("<I")
HEADERS_MOST = 64
ANSWER_MOST = 16 * 1024 * 1024
"""Bytes of one answer, head and body."""


class GuestAnswer(msgspec.Struct, frozen=True):
    """A guest's answer: header names in lower case."""

    status: int
    headers: list[Header]
    body: bytes


class GuestRequest(msgspec.Struct, frozen=True):
    """A request; `path` begins with `/` and carries the query (for `fabric.http_request`: a whole URL)."""

    method: bytes
    path: bytes
    headers: list[Header]
    body: bytes


def encode_request(method: bytes, path: bytes, headers: Sequence[Header], body: bytes) -> bytes:
    """A request as bytes."""
    parts = [bytes((VERSION, len(method))), method, _U32.pack(len(path)), path]
    _put_headers(parts, headers)
    parts += (_U32.pack(len(body)), body)
    return b"".join(parts)


def encode_answer(status: int, headers: Sequence[Header], body: bytes) -> bytes:
    """An answer as bytes."""
    parts = [bytes((VERSION,)), _U16.pack(status)]
    _put_headers(parts, headers)
    parts += (_U32.pack(len(body)), body)
    return b"".join(parts)


def decode_answer(data: bytes) -> GuestAnswer:
    """Read an answer that a guest wrote. Raises TargetFailed GUEST_BAD_ANSWER."""
    reader = _Reader(data)
    version, status = reader.byte(), reader.u16()
    if version != VERSION or not (status == 0 or 200 <= status <= 599):
        raise _bad(f"it claims version {version} and status {status}")
    return GuestAnswer(status, reader.headers(), reader.rest(reader.u32()))


def decode_request(data: bytes) -> GuestRequest:
    """Read a request that a guest wrote. Raises TargetFailed GUEST_BAD_ANSWER."""
    reader = _Reader(data)
    if reader.byte() != VERSION:
        raise _bad("it claims another version")
    method = reader.take(reader.byte())
    path = reader.take(reader.u32())
    return GuestRequest(method, path, reader.headers(), reader.rest(reader.u32()))


def _put_headers(parts: list[bytes], headers: Iterable[Header]) -> None:
    at, count = len(parts), 0
    parts.append(b"")
    for name, value in headers:
        parts += (_U16.pack(len(name)), name, _U32.pack(len(value)), value)
        count += 1
    parts[at] = _U16.pack(count)


def _bad(why: str) -> TargetFailed:
    return TargetFailed("GUEST_BAD_ANSWER", f"The guest wrote a message that cannot be read: {why}.")


class _Reader:
    """Takes parts off a message, never past its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise _bad("a length points past its end")
        part = self._data[self._at : end]
        self._at = end
        return part

    def rest(self, count: int) -> bytes:
        part = self.take(count)
        if self._at != len(self._data):
            raise _bad("bytes follow its body")
        return part

    def byte(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int(_U16.unpack(self.take(2))[0])

    def u32(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def headers(self) -> list[Header]:
        count = self.u16()
        if count > HEADERS_MOST:
            raise _bad(f"it has more than {HEADERS_MOST} headers")
        return [(self.take(self.u16()), self.take(self.u32())) for _ in range(count)]
