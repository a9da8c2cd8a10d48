"""RTSP messages (RFC 2326) as they are read and written here: strictly, and nothing in them that is not needed."""

import re
from collections.abc import Iterable
from typing import BinaryIO

import msgspec

from runtime.drivers.cameras.eye.job import Unseen

MAX_LINE = 4096
MAX_LINES = 64
MAX_BODY = 64 * 1024

_STATUS = re.compile(r"RTSP/1\.\d (\d{3})(?: |\Z)")
_HEADER = re.compile(r"([!-9;-~]+):[ \t]*([\t -~]*)\Z")
PASSED = frozenset(
    ("cseq", "session", "transport", "content-type", "content-base", "content-length", "rtp-info", "public", "range")
)
"""The headers of a reply that a player gets to see. `Location` is none of them."""


class Message(msgspec.Struct, kw_only=True):
    """A request or a reply: its first line, headers by lower-case name, and body."""

    first: str
    headers: dict[str, str]
    body: bytes = b""

    def written(self) -> bytes:
        """As it goes over the wire."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body


def read_next(stream: BinaryIO) -> Message | bytes:
    """The next message, or a piece of media between two messages, as it came. Raises Unseen."""
    first = stream.read(1)
    if not first:
        raise Unseen("hung_up")
    if first == b"$":
        head = _exactly(stream, 3)
        return b"$" + head + _exactly(stream, int.from_bytes(head[1:], "big"))
    message = read_head(stream, first)
    message.body = _exactly(stream, length_of(message))
    return message


def read_head(stream: BinaryIO, begun: bytes = b"") -> Message:
    """First line and headers of a message that begins with `begun`. Raises Unseen."""
    line = _line(stream, begun)
    headers: dict[str, str] = {}
    for _ in range(MAX_LINES):
        text = _line(stream)
        if not text:
            return Message(first=line, headers=headers)
        found = _HEADER.match(text)
        if found is None:
            raise Unseen("not_rtsp")
        headers.setdefault(found.group(1).lower(), found.group(2).strip())
    raise Unseen("not_rtsp")


def length_of(message: Message) -> int:
    """Of its body, in bytes. Raises Unseen where that is too much."""
    text = message.headers.get("content-length", "0")
    if not (text.isdigit() and len(text) < 8 and int(text) <= MAX_BODY):
        raise Unseen("not_rtsp")
    return int(text)


def judge_description(reply: Message, *, has_login: bool) -> None:
    """Return if the reply describes a video. Raises Unseen."""
    status = status_of(reply)
    if 300 <= status < 400:
        raise Unseen("redirect")
    if status == 401:
        raise Unseen("login" if has_login else "login_wanted")
    if status == 403:
        raise Unseen("forbidden")
    if status in (404, 454):
        raise Unseen("no_stream")
    if status != 200:
        raise Unseen("status", status)
    if b"m=video" not in reply.body:
        raise Unseen("no_video")


def status_of(message: Message) -> int:
    """A reply's status. Raises Unseen not_rtsp where it is no reply."""
    found = _STATUS.match(message.first)
    if found is None:
        raise Unseen("not_rtsp")
    return int(found.group(1))


def bare_reply(message: Message, sequence: int) -> Message:
    """The reply with nothing in it that a player does not need, under its own number. Raises Unseen."""
    status = status_of(message)
    if 300 <= status < 400:
        raise Unseen("redirect")
    kept = _kept(message.headers, PASSED - {"cseq", "content-length"})
    kept["CSeq"] = str(sequence)
    if message.body:
        kept["Content-Length"] = str(len(message.body))
    return Message(first=f"RTSP/1.0 {status} -", headers=kept, body=message.body)


def _kept(headers: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name.title(): headers[name] for name in sorted(names) if name in headers}


def _line(stream: BinaryIO, begun: bytes = b"") -> str:
    read = begun + stream.readline(MAX_LINE)
    if not read.endswith(b"\n"):
        raise Unseen("not_rtsp" if len(read) >= MAX_LINE else "hung_up")
    try:
        return read.rstrip(b"\r\n").decode("ascii")
    except UnicodeDecodeError:
        raise Unseen("not_rtsp") from None


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise Unseen("hung_up")
    return content
