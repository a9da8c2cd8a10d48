"""SIP messages (RFC 3261), as few as are needed to ask `OPTIONS` and to understand the answer. Pure.

What comes from outside is read strictly and within bounds; whatever is not SIP raises NotSip and nothing else.
"""

import re
from collections.abc import Mapping

import msgspec

MAX_HEAD = 16 * 1024
"""Octets of a start line and its headers."""

MAX_BODY = 64 * 1024
MAX_HEADERS = 128

_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) ([^\r\n]{0,512})\Z")
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,64})[ \t]*:[ \t]*(.*)\Z", re.DOTALL)
_LENGTH = re.compile(r"[0-9]{1,9}\Z")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")
_SHORT = {"i": "call-id", "v": "via", "l": "content-length", "f": "from", "t": "to", "m": "contact", "k": "supported"}
_ONCE = frozenset({"call-id", "cseq", "content-length", "from", "to"})


class NotSip(ValueError):
    """It is no SIP answer."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An `OPTIONS`. `local` is where answers go: `10.0.0.9:40001`. `branch` and `call_id` tell it from others."""

    uri: str
    transport: str
    local: str
    branch: str
    call_id: str
    tag: str
    count: int = 1
    headers: Mapping[str, str] = {}

    def written(self) -> bytes:
        """As it is sent. Raises ValueError for what would break out of its line."""
        lines = [
            f"OPTIONS {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {self.local};branch={self.branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:fabric@{self.local}>;tag={self.tag}",
            f"To: <{self.uri}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.count} OPTIONS",
            f"Contact: <sip:fabric@{self.local}>",
            "Accept: application/sdp",
            "User-Agent: Fabric",
            *(f"{name}: {value}" for name, value in self.headers.items()),
            "Content-Length: 0",
        ]
        if any(_UNSAFE.search(line) for line in lines):
            raise ValueError("a SIP message would hold a control character")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer's head. `headers` has names in lower case; of several of a name, the first."""

    status: int
    reason: str
    headers: Mapping[str, str]

    @property
    def body_length(self) -> int | None:
        """Octets of the body; None where it does not say. Raises NotSip."""
        told = self.headers.get("content-length")
        if told is None:
            return None
        if not _LENGTH.match(told) or int(told) > MAX_BODY:
            raise NotSip("its Content-Length makes no sense")
        return int(told)

    def answers(self, request: Request) -> bool:
        """Is it the answer to that request?"""
        headers = self.headers
        return (
            headers.get("call-id") == request.call_id
            and headers.get("cseq", "").split() == [str(request.count), "OPTIONS"]
            and f"branch={request.branch}" in re.split(r"[;,\s]+", headers.get("via", ""))
        )


def read_head(head: bytes) -> Response:
    """An answer's start line and headers, up to the empty line. Raises NotSip."""
    if len(head) > MAX_HEAD:
        raise NotSip("its head is too long")
    try:
        text = head.decode()
    except UnicodeDecodeError:
        raise NotSip("it is no UTF-8") from None
    start, *lines = re.sub(r"\r\n[ \t]+", " ", text.lstrip("\r\n").removesuffix("\r\n\r\n")).split("\r\n")
    found = _STATUS.match(start)
    if found is None:
        raise NotSip("it does not begin with a status line")
    return Response(status=int(found[1]), reason=found[2].strip(), headers=_headers(lines))


def read_datagram(data: bytes) -> Response:
    """A whole answer in one datagram. Raises NotSip."""
    head, empty, body = data.partition(b"\r\n\r\n")
    if not empty:
        raise NotSip("its head has no end")
    response = read_head(head + empty)
    length = response.body_length
    if length is not None and length > len(body):
        raise NotSip("its Content-Length is a lie")
    return response


def _headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > MAX_HEADERS:
        raise NotSip("it has too many headers")
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.match(line)
        if found is None or _UNSAFE.search(found[2].replace("\t", " ")):
            raise NotSip("a header of it cannot be read")
        name = found[1].lower()
        name = _SHORT.get(name, name)
        if name in headers and name in _ONCE:
            raise NotSip(f"it has two headers {name}")
        headers.setdefault(name, found[2].strip())
    return headers
