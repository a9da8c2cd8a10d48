"""Request headers that an author gives: which names and values may leave."""

import re
from collections.abc import Mapping

from catalog.errors import Invalid

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RESERVED = frozenset({
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer",
    "upgrade", "expect",
})  # fmt: skip
_RESERVED_PREFIXES = ("x-fabric-", "webhook-", "proxy-")
MAX_HEADERS = 64
MAX_VALUE = 8190


def is_reserved(name: str) -> bool:
    """Is this header ours to set: framing, connection, and the signatures?"""
    lower = name.lower()
    return lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES)


def header_problem(name: str, value: str) -> str | None:
    """Why the header may not be sent, as a sentence that never quotes the value; None where it may."""
    if not _TOKEN.match(name):
        return f"`{name[:80]}` is not a header name."
    if is_reserved(name):
        return f"Header `{name}` is set by the Fabric itself."
    if len(value) > MAX_VALUE or _CONTROL.search(value) or not _encodes(value):
        return f"The value of header `{name}` holds a control character or is too long."
    return None


def _encodes(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that must not leave. Raises Invalid PARAM_HEADER."""
    if len(headers) > MAX_HEADERS:
        raise Invalid("PARAM_HEADER", f"There are more than {MAX_HEADERS} headers.")
    seen: set[str] = set()
    for name, value in headers.items():
        problem = header_problem(name, value)
        if problem is None and name.lower() in seen:
            problem = f"Header `{name}` is given twice."
        if problem is not None:
            raise Invalid("PARAM_HEADER", problem, hint="Remove it from `headers`.")
        seen.add(name.lower())
