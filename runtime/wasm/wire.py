"""What daemon, zygote and worker say to each other: frames for requests, small messages for everything else.

Frames (little-endian; n counts the payload only):

    daemon to worker     u32 n · u32 id · u8 kind · payload
    worker to daemon     u32 n · u32 id · u8 kind · u32 pages of linear memory · payload
    framed guests        u32 n · u8 kind · payload, through their stdin and stdout

A worker answers in order, and writes one answer before it begins the next request.
"""

from pathlib import Path
from struct import Struct
from typing import Final

import msgspec

from runtime.wasm.launch import Launch

DOWN: Final = Struct("<IIB")
UP: Final = Struct("<IIBI")
PIPE: Final = Struct("<IB")

REQUEST: Final = 1
ANSWER: Final = 2
HTTP_REQUEST: Final = 3
HTTP_ANSWER: Final = 4
OUTPUT: Final = 5
"""A framed guest's own stdout."""
READY: Final = 6
"""A framed guest's first frame."""
FAILED: Final = 7
"""Instead of ANSWER: a `Failure` as JSON."""

PAGE: Final = 65536
CONNECTIONS_MOST: Final = 64
"""Connections that one tcp worker holds."""
START: Final = 0
"""The id by which a guest's start is interrupted; requests count from 1."""


TRAPPED: Final = 134
"""Exit code of a command that was stopped by a trap, as a shell would say SIGABRT."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request has no answer: a code of `launch.Done`, a sentence, and the trap's name and top frames, if any."""

    code: str
    message: str
    trap: str | None = None
    frames: tuple[str, ...] = ()


class Fork(msgspec.Struct, frozen=True, tag="fork"):
    """To the zygote, with five descriptors: requests, control, stdout, stderr, and a file that holds the Launch."""

    id: int


class Forked(msgspec.Struct, frozen=True, tag="forked"):
    """From the zygote, with the worker's pidfd."""

    id: int
    pid: int


class NotForked(msgspec.Struct, frozen=True, tag="not_forked"):
    """From the zygote: the machine gives no further process."""

    id: int
    why: str


class Reaped(msgspec.Struct, frozen=True, tag="reaped"):
    """From the zygote: a worker has ended. `status` is an exit code or -signal; CPU in nanoseconds, memory in bytes."""

    id: int
    status: int
    cpu_ns: int
    max_rss: int


class Interrupt(msgspec.Struct, frozen=True, tag="interrupt"):
    """To a worker: stop this request (START: whatever runs), if it still is the current one."""

    request: int


class Connect(msgspec.Struct, frozen=True, tag="connect"):
    """To a tcp worker, with two descriptors: a fresh instance's stdin and stdout."""

    connection: int


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """From a worker: its guest can be spoken to. Says which walls stand, and which bindings are used."""

    seccomp: bool
    landlock: bool
    fast: bool


class Unfit(msgspec.Struct, frozen=True, tag="unfit"):
    """From a worker: the guest cannot be started, or not again after a trap."""

    failure: Failure


class Data(msgspec.Struct, frozen=True, tag="data"):
    """From a framed worker, with two descriptors: a fresh instance's stdin and stdout. `failure` ended the last one."""

    failure: Failure | None = None


class Closed(msgspec.Struct, frozen=True, tag="closed"):
    """From a tcp worker: a connection's instance has ended."""

    connection: int
    failure: Failure | None = None


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """From a worker, its last word: the guest's exit code, or why it was stopped."""

    code: int
    failure: Failure | None = None


ToWorker = Interrupt | Connect
FromWorker = Ready | Unfit | Data | Closed | Ended
FromZygote = Forked | NotForked | Reaped

MESSAGE_MOST: Final = 64 * 1024
encode: Final = msgspec.msgpack.Encoder().encode
decode_fork: Final = msgspec.msgpack.Decoder(Fork).decode
decode_to_worker: Final = msgspec.msgpack.Decoder(ToWorker).decode
decode_from_worker: Final = msgspec.msgpack.Decoder(FromWorker).decode
decode_from_zygote: Final = msgspec.msgpack.Decoder(FromZygote).decode


def encode_launch(launch: Launch) -> bytes:
    """As it goes to the worker."""
    return _LAUNCH.encode(launch)


def decode_launch(data: bytes) -> Launch:
    """As it came from the daemon."""
    return _LAUNCHED.decode(data)


def _path_to_text(path: object) -> str:
    if isinstance(path, Path):
        return str(path)
    raise NotImplementedError


def _path_from_text(kind: type, text: object) -> object:
    if kind is Path:
        return Path(str(text))
    raise NotImplementedError


_LAUNCH: Final = msgspec.msgpack.Encoder(enc_hook=_path_to_text)
_LAUNCHED: Final = msgspec.msgpack.Decoder(Launch, dec_hook=_path_from_text)
