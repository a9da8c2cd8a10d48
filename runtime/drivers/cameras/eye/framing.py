"""Framing: a header of JSON and a body of bytes, each with its length before it, neither longer than it may be."""

import struct
from typing import BinaryIO

from runtime.drivers.cameras.limits import MAX_JPEG

LENGTHS = struct.Struct(">II")
MAX_HEADER = 64 * 1024


def framed(header: bytes, body: bytes = b"") -> bytes:
    """One message."""
    return LENGTHS.pack(len(header), len(body)) + header + body


def lengths_of(head: bytes) -> tuple[int, int]:
    """Of header and body. Raises ValueError where one is longer than anything that is sent."""
    header, body = LENGTHS.unpack(head)
    if header > MAX_HEADER or body > MAX_JPEG:
        raise ValueError("a message is too long")
    return header, body


def read_framed(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next message; None at the end."""
    head = stream.read(LENGTHS.size)
    if len(head) < LENGTHS.size:
        return None
    header, body = lengths_of(head)
    content = stream.read(header + body)
    return (content[:header], content[header:]) if len(content) == header + body else None
