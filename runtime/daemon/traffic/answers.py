"""Answers: what a guest answered, or why none did, as the bytes of an HTTP/1.1 answer.

A guest's headers are looked at closely once: most guests write the same ones again and again.
"""

import re
from http import HTTPStatus
from struct import Struct

import msgspec

from catalog.errors import FabricError, TargetFailed
from catalog.jsonvalue import Json, compact
from runtime.wasm.messages import HEADERS_MOST, VERSION

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    b"content-length",
})  # fmt: skip
_U16, _U32 = Struct("<H"), Struct("<I")
_REMEMBERED = 128
_STATUS_LINES = {
    status: f"HTTP/1.1 {status} {HTTPStatus(status).phrase if status in set(HTTPStatus) else ''}".rstrip().encode()
    for status in range(200, 600)
}
_NO_BODY = frozenset({204, 304})


class Head(msgspec.Struct, frozen=True):
    """A status line with a guest's headers, each with its line's end, without framing. `dated`: it has a date."""

    start: bytes
    status: int
    dated: bool
    length: bytes | None
    """What the guest says of its length; counts where an answer has no body by its nature."""


class Answers:
    """Reads guests' answers. One for a listener: what it remembers is the same for all its connections."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def read(self, answer: bytes) -> tuple[Head, int]:
        """The head, and where the body begins. Raises TargetFailed GUEST_BAD_ANSWER."""
        at = end_of_headers(answer)
        key = answer[1:at]
        head = self._heads.get(key)
        if head is None:
            head = _read_head(answer)
            if len(self._heads) >= _REMEMBERED:
                self._heads.clear()
            self._heads[key] = head
        if _U32.unpack_from(answer, at)[0] != len(answer) - at - 4:
            raise _bad("its body is not as long as it says")
        return head, at + 4

    def render(self, answer: bytes, date: bytes, *, keep: bool, head_only: bool = False) -> bytes:
        """All of it as bytes. Raises TargetFailed GUEST_BAD_ANSWER."""
        head, at = self.read(answer)
        length = b"%d" % (len(answer) - at)
        if head_only and length == b"0" and head.length is not None:
            length = head.length
        parts = [head.start]
        if not head.dated:
            parts.append(date)
        if head.status not in _NO_BODY:
            parts += (b"content-length: ", length, b"\r\n")
        parts.append(b"\r\n" if keep else b"connection: close\r\n\r\n")
        if not (head_only or head.status in _NO_BODY):
            parts.append(answer[at:])
        return b"".join(parts)


def end_of_headers(answer: bytes) -> int:
    """Where the length of the body stands. Raises TargetFailed GUEST_BAD_ANSWER."""
    size = len(answer)
    if size < 9 or answer[0] != VERSION:
        raise _bad("it is too short or of another version")
    at = 5
    for _ in range(answer[3] | answer[4] << 8):
        if at + 2 > size:
            raise _bad("a length points past its end")
        at += 2 + (answer[at] | answer[at + 1] << 8)
        if at + 4 > size:
            raise _bad("a length points past its end")
        at += 4 + _U32.unpack_from(answer, at)[0]
    if at + 4 > size:
        raise _bad("a length points past its end")
    return at


def _read_head(answer: bytes) -> Head:
    status, count = _U16.unpack_from(answer, 1)[0], _U16.unpack_from(answer, 3)[0]
    if status not in _STATUS_LINES or count > HEADERS_MOST:
        raise _bad(f"it has status {status} and {count} headers")
    lines, at, dated, length = [_STATUS_LINES[status]], 5, False, None
    for _ in range(count):
        middle = at + 2 + _U16.unpack_from(answer, at)[0]
        end = middle + 4 + _U32.unpack_from(answer, middle)[0]
        name, value = answer[at + 2 : middle].lower(), answer[middle + 4 : end].strip(b" \t")
        at = end
        if not _TOKEN.match(name) or _CONTROL.search(value):
            raise _bad("a header has a character that it must not have")
        if name == b"content-length" and value.isdigit() and len(value) < 16:
            length = value
        if name not in _OURS:
            lines.append(name + b": " + value)
            dated = dated or name == b"date"
    return Head(b"\r\n".join(lines) + b"\r\n", status, dated, length)


def failure(error: Exception, date: bytes, *, keep: bool, head_only: bool) -> bytes:
    """Why there is no answer, in the daemon's envelope."""
    status, code, message, details = 500, "INTERNAL_ERROR", "The daemon fails unexpectedly.", {}
    if isinstance(error, FabricError):
        status, code, message, details = error.status, error.code, error.message, dict(error.details)
        if error.hint is not None:
            details["hint"] = error.hint
    envelope: Json = {"status": "error", "error": {"code": code, "message": message, "details": details}}
    body = compact(envelope)
    start = _STATUS_LINES[status] + b"\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % len(body)
    again = b"retry-after: 1\r\n" if status == 503 else b""
    end = b"\r\n" if keep else b"connection: close\r\n\r\n"
    return start + again + date + end + (b"" if head_only else body)


def _bad(why: str) -> TargetFailed:
    return TargetFailed("GUEST_BAD_ANSWER", f"The guest's answer cannot be passed on: {why}.")
