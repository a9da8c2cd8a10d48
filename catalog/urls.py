"""URLs as text: what may be written as the address of an outgoing request. Nothing here looks anything up.

The compiler asks this of constants (`PARAM_URL`), the egress guard asks it again of what is really sent.
No message quotes the URL: it may hold a secret, and errors are read by more people than may see parameters.
"""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import quote

import msgspec

from catalog.errors import Invalid

MAX_CHARACTERS = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL_OR_SPACE = re.compile(r"[\x00-\x20\x7f]")
_AUTHORITY = re.compile(r"[^/?#]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z")
_NUMBER = re.compile(r"(?:[0-9]+|0[xX][0-9A-Fa-f]*)\Z")
_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_KEPT_IN_TARGET = "%/:?[]@!$&'()*+,;=-._~"


class Refused(Invalid):
    """An address that we do not go to: codes URL_* (its text) and SSRF_* (where it leads)."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a URL leads, as this code and every other reader must agree.

    `host` is lower case without a trailing dot; an IP literal (`literal` is true) is in its canonical form and
    without brackets. `target` is path and query, percent-encoded, at least `/`.
    """

    scheme: str
    host: str
    port: int
    target: str = "/"
    literal: bool = False

    @property
    def authority(self) -> str:
        """The Host header: host, and the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL written canonically, without fragment."""
        return f"{self.scheme}://{self.authority}{self.target}"


@lru_cache(256)
def parse_url(text: str) -> Destination:
    """Read an absolute http(s) URL. Raises Refused URL_* and never anything else, whatever `text` holds."""
    if len(text) > MAX_CHARACTERS:
        raise Refused("URL_TOO_LONG", f"The URL is longer than {MAX_CHARACTERS} characters.")
    if _CONTROL_OR_SPACE.search(text):
        raise Refused("URL_CONTROL_OR_SPACE", "The URL contains a control character or a space.", hint="Encode it.")
    if "\\" in text:
        raise Refused("URL_BACKSLASH", "The URL contains a backslash.", hint="Write `/`, or `%5C` in the path.")
    scheme, rest = _split_scheme(text)
    if not rest.startswith("//"):
        raise _no_host()
    found = _AUTHORITY.match(rest, 2)
    authority = found.group() if found else ""
    host, port, literal = _read_authority(authority)
    return Destination(
        scheme=scheme,
        host=host,
        port=DEFAULT_PORTS[scheme] if port is None else port,
        target=_target(rest[2 + len(authority) :]),
        literal=literal,
    )


def _no_host() -> Refused:
    return Refused("URL_NO_HOST", "The URL names no host.", hint="Write `https://host/path`.")


def _split_scheme(text: str) -> tuple[str, str]:
    found = _SCHEME.match(text)
    if not found:
        raise Refused("URL_NOT_ABSOLUTE", "The URL is not absolute.", hint="Begin it with `https://`.")
    scheme = found.group()[:-1].lower()
    if scheme not in DEFAULT_PORTS:
        raise Refused("URL_SCHEME", "The URL is neither http nor https.", hint="Begin it with `https://`.")
    return scheme, text[found.end() :]


def _read_authority(authority: str) -> tuple[str, int | None, bool]:
    if "@" in authority:
        raise Refused("URL_USERINFO", "The URL holds a user name.", hint="Send credentials in a header.")
    if not authority.isascii():
        raise Refused("URL_HOST_NON_ASCII", "The URL's host is not ASCII.", hint="Write its `xn--` form.")
    if "%" in authority:
        raise Refused("URL_HOST_ENCODED", "The URL's host is percent-encoded or has a zone.", hint="Write it plainly.")
    if authority.startswith("["):
        return _read_bracketed(authority)
    host, colon, port = authority.partition(":")
    if "[" in authority or "]" in authority or (":" in port and _is_ipv6(authority)):
        raise _host_invalid("Put an IPv6 address in brackets.")
    if not host:
        raise _no_host()
    number = _read_port(port) if colon else None
    host, literal = _read_host(host.lower())
    return host, number, literal


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _read_bracketed(authority: str) -> tuple[str, int | None, bool]:
    inner, closed, after = authority[1:].partition("]")
    if not closed or (after and not after.startswith(":")) or not _is_ipv6(inner):
        raise _host_invalid("Write an IPv6 address in brackets.")
    return str(ipaddress.IPv6Address(inner)), _read_port(after[1:]) if after else None, True


def _read_port(text: str) -> int:
    if _PORT.match(text) and (port := int(text)) <= 65535:
        return port
    raise Refused("URL_PORT", "The URL's port is not a number from 1 to 65535.")


def _host_invalid(hint: str) -> Refused:
    return Refused("URL_HOST_INVALID", "The URL's host is not a valid name or address.", hint=hint)


def _read_host(written: str) -> tuple[str, bool]:
    host = written.removesuffix(".")
    labels = host.split(".")
    if _NUMBER.match(labels[-1]):
        # Other readers take 0x7f.1, 2130706433 or 010.0.0.1 for addresses; here one spelling is one.
        if _QUAD.match(written) and all(int(part) <= 255 for part in labels):
            return host, True
        raise Refused(
            "URL_IP_NOT_CANONICAL", "The URL's host is an IPv4 address in an unusual spelling.", hint="Write `a.b.c.d`."
        )
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise _host_invalid("Use letters, digits and hyphens between dots.")
    return host, False


def _target(rest: str) -> str:
    written = rest.partition("#")[0]
    if not written.isascii() and not written.isprintable():
        raise Refused("URL_CONTROL_OR_SPACE", "The URL contains a control character or a space.", hint="Encode it.")
    target = quote(written, safe=_KEPT_IN_TARGET)
    return target if target.startswith("/") else f"/{target}"
