"""What Fabric's Python runtime offers its guests, and the frames below it: `<u32 n> <u8 kind> <n bytes>` on 0 and 1."""

import io
import os
from struct import Struct

REQUEST, ANSWER, HTTP_REQUEST, HTTP_ANSWER, OUTPUT, READY = 1, 2, 3, 4, 5, 6

_FRAME, _U8, _U16, _U32 = Struct("<IB"), Struct("<B"), Struct("<H"), Struct("<I")
_pending = bytearray()


class Refused(OSError):
    """`http_request` was not carried out; its text says why: forbidden, not reached, too late."""


def http_request(method, url, headers=None, body=b""):
    """Ask another service (`http://name/…`), or the world where the manifest grants it. Raises Refused.

    Returns {"status", "headers", "body"}, as a handler does.
    """
    body = body.encode() if isinstance(body, str) else bytes(body)
    method, url = method.encode(), url.encode()
    head = bytes((1, len(method))) + method + _U32.pack(len(url)) + url
    send(HTTP_REQUEST, head + _headers(headers or {}) + _U32.pack(len(body)) + body)
    kind, message = receive()
    if kind != HTTP_ANSWER:
        raise SystemExit(f"a frame of kind {kind} came instead of an answer")
    status = _U16.unpack_from(message, 1)[0]
    headers, at = read_headers(message, 3)
    body = message[at + 4 :]
    if status == 0:
        raise Refused(body.decode("utf-8", "replace"))
    return {"status": status, "headers": headers, "body": body}


def send(kind, payload):
    """Write one frame."""
    rest = memoryview(_FRAME.pack(len(payload), kind) + payload)
    while rest:
        rest = rest[os.write(1, rest) :]


def receive():
    """Wait for one frame: its kind and its payload. Ends the guest when nobody will ask any more."""
    while True:
        if len(_pending) >= _FRAME.size:
            n, kind = _FRAME.unpack_from(_pending)
            end = _FRAME.size + n
            if len(_pending) >= end:
                payload = bytes(_pending[_FRAME.size : end])
                del _pending[:end]
                return kind, payload
        piece = os.read(0, 256 * 1024)
        if not piece:
            raise SystemExit(0)
        _pending.extend(piece)


def read_request(message):
    """A request as a handler takes it, but for `params`."""
    n = message[1]
    at = 2 + n
    method = message[2:at].decode("latin-1")
    n = _U32.unpack_from(message, at)[0]
    path, _, query = message[at + 4 : at + 4 + n].decode("utf-8", "replace").partition("?")
    headers, at = read_headers(message, at + 4 + n)
    return {"method": method, "path": path, "query": query, "headers": headers, "body": message[at + 4 :]}


def read_headers(message, at):
    """Headers from their count on, and where they end. A name that comes twice has both values."""
    headers = {}
    count = _U16.unpack_from(message, at)[0]
    at += 2
    for _ in range(count):
        n = _U16.unpack_from(message, at)[0]
        name = message[at + 2 : at + 2 + n].decode("latin-1")
        at += 2 + n
        n = _U32.unpack_from(message, at)[0]
        value = message[at + 4 : at + 4 + n].decode("latin-1")
        at += 4 + n
        headers[name] = headers[name] + ", " + value if name in headers else value
    return headers, at


def write_answer(status, headers, body):
    """An answer as bytes."""
    return b"\x01" + _U16.pack(status) + _headers(headers) + _U32.pack(len(body)) + body


def _headers(headers):
    pairs = []
    for name, value in headers.items():
        pairs += ((name, one) for one in (value if isinstance(value, (list, tuple)) else (value,)))
    parts = [_U16.pack(len(pairs))]
    for name, value in pairs:
        key, one = str(name).lower().encode("latin-1"), str(value).encode("latin-1")
        parts += (_U16.pack(len(key)), key, _U32.pack(len(one)), one)
    return b"".join(parts)


class Output(io.RawIOBase):
    """Where `print` writes: stdout belongs to the frames."""

    def writable(self):
        return True

    def write(self, piece):
        send(OUTPUT, bytes(piece))
        return len(piece)
