"""Place: where a libvirt URI leads. Only what can be bounded: no parameters, for they name programs and sockets."""

import functools
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

Transport = Literal["test", "local", "tcp", "tls", "ssh"]

_PORTS: dict[str, int] = {"tcp": 16509, "tls": 16514, "ssh": 22}
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})\Z|[0-9A-Fa-f:.]{2,45}\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\Z")
_PLAIN = re.compile(r"[\x21-\x7e]+\Z")
_PATHS = ("/system", "/session")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A hypervisor's place. `path` is `/system` or `/session`, or of the test driver `/default` or a file's path."""

    transport: Transport
    path: str
    host: str = ""
    port: int = 0
    user: str = ""

    @property
    def remote(self) -> bool:
        """Is it another machine's?"""
        return self.transport in _PORTS

    @property
    def system(self) -> bool:
        """Is it the machine's own hypervisor, and no user's?"""
        return self.path == "/system"


@functools.lru_cache(maxsize=256)
def place_of(uri: str) -> Place:
    """Where it leads. Raises ValueError with a sentence that repeats nothing of it."""
    parts = _split(uri)
    scheme, _, transport = parts.scheme.partition("+")
    if scheme == "test" and not transport:
        return _test(parts)
    if scheme != "qemu" or transport not in ("", "unix", *_PORTS):
        raise ValueError("it begins with none of test:, qemu:, qemu+unix:, qemu+tcp:, qemu+tls:, qemu+ssh:")
    if parts.path not in _PATHS:
        raise ValueError("its path is neither /system nor /session")
    if not parts.netloc:
        if transport in _PORTS:
            raise ValueError("it names no host")
        return Place(transport="local", path=parts.path)
    if transport == "unix":
        raise ValueError("qemu+unix: takes no host")
    return _remote(parts, transport or "tls")


def _split(uri: str) -> SplitResult:
    if not _PLAIN.match(uri):
        raise ValueError("it holds characters that no URI has")
    parts = urlsplit(uri)
    if "?" in uri or "#" in uri:
        raise ValueError("parameters are not taken: they can name programs to run; there are settings instead")
    return parts


def _test(parts: SplitResult) -> Place:
    path = unquote(parts.path)
    file = PurePosixPath(path)
    if parts.netloc or not (path == "/default" or (file.is_absolute() and file.suffix == ".xml" and "\0" not in path)):
        raise ValueError("the test driver takes test:///default or test:///PATH.xml")
    return Place(transport="test", path=path)


def _remote(parts: SplitResult, transport: str) -> Place:
    host, user = parts.hostname or "", parts.username or ""
    if parts.password is not None:
        raise ValueError("it holds a password; passwords are credentials")
    if not _HOST.match(host):
        raise ValueError("its host is none")
    if bool(user) != (transport == "ssh"):
        raise ValueError("qemu+ssh: names a user, as in qemu+ssh://user@host/system, and nothing else does")
    if user and not _USER.match(user):
        raise ValueError("its user name is none")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is none") from None
    made: Callable[..., Place] = Place
    return made(transport=transport, path=parts.path, host=host, port=port or _PORTS[transport], user=user)
