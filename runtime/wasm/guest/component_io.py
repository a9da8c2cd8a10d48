"""wasi:io for components: pollables, and streams of bytes that are all there or are all kept."""

import time
from collections.abc import Callable

import wasmtime
from wasmtime.component import Variant

from runtime.wasm.guest.component_resources import Interface, Resource, Value

PIECE_MOST = 64 * 1024
"""Bytes that cross at once: on their way through wasmtime's C interface they take 32 times the room."""
OK = Variant("ok")
_CLOSED = None
"""`stream-error`'s case `closed`."""


class Pollable(Resource):
    """Something to wait for. This one is always there."""

    kind = 1

    def ready(self) -> bool:
        """Is there anything left to wait for?"""
        return True

    def until(self) -> float | None:
        """When it will be ready, on `time.monotonic`; None: as soon as `settle` was called."""
        return None

    def settle(self) -> None:
        """Do what it takes to become ready."""


class Timer(Pollable):
    """Ready at a moment of `time.monotonic`."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def ready(self) -> bool:
        """See Pollable."""
        return time.monotonic() >= self._moment

    def until(self) -> float | None:
        """See Pollable."""
        return self._moment


class IoError(Resource):
    """`wasi:io/error`. The host makes none; a component may name the type."""

    kind = 2


class InputStream(Resource):
    """Bytes that are all there."""

    kind = 3

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def read(self, most: int) -> bytes | None:
        """Some bytes; None at the end."""
        if self._at >= len(self._data):
            return _CLOSED
        piece = self._data[self._at : self._at + min(most, PIECE_MOST)]
        self._at += len(piece)
        return piece

    def skip(self, most: int) -> int | None:
        """As `read`, but only how many."""
        piece = self.read(most)
        return piece if piece is None else len(piece)


class OutputStream(Resource):
    """Hands every piece to a function."""

    kind = 4

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def write(self, piece: bytes) -> Variant:
        """Raises wasmtime.WasmtimeError if it is more than `check-write` allows."""
        if len(piece) > PIECE_MOST:
            raise wasmtime.WasmtimeError(f"the component wrote more than {PIECE_MOST} bytes at once")
        self._write(piece)
        return OK

    def zeroes(self, count: int) -> Variant:
        """As many bytes of zero."""
        return self.write(bytes(min(count, PIECE_MOST + 1)))

    def splice(self, source: InputStream, most: int) -> int | None:
        """Move bytes from an input stream."""
        piece = source.read(most)
        if piece is None:
            return _CLOSED
        self._write(piece)
        return len(piece)


def wait_for(pollables: list[Pollable]) -> list[int]:
    """Which of them are ready; waits until one is. Raises wasmtime.WasmtimeError for an empty list."""
    if not pollables:
        raise wasmtime.WasmtimeError("the component waits for nothing")
    while True:
        ready = [at for at, each in enumerate(pollables) if each.ready()]
        if ready:
            return ready
        moments = [moment for each in pollables if (moment := each.until()) is not None]
        if len(moments) < len(pollables):
            for each in pollables:
                each.settle()
        else:
            time.sleep(max(min(moments) - time.monotonic(), 0))


def _block(pollable: Pollable) -> None:
    wait_for([pollable])


def _always(_: Resource) -> Pollable:
    return Pollable()


def _nothing_to_tell(_: IoError) -> Value:
    return "no error"


def _flushed(_: OutputStream) -> Variant:
    return OK


def _permit(_: OutputStream) -> int:
    return PIECE_MOST


POLL = Interface(
    "wasi:io/poll",
    {"[method]pollable.ready": lambda pollable: pollable.ready(), "[method]pollable.block": _block, "poll": wait_for},
    {"pollable": Pollable},
)
ERROR = Interface("wasi:io/error", {"[method]error.to-debug-string": _nothing_to_tell}, {"error": IoError})
STREAMS = Interface(
    "wasi:io/streams",
    {
        **dict.fromkeys(("[method]input-stream.read", "[method]input-stream.blocking-read"), InputStream.read),
        **dict.fromkeys(("[method]input-stream.skip", "[method]input-stream.blocking-skip"), InputStream.skip),
        "[method]input-stream.subscribe": _always,
        "[method]output-stream.check-write": _permit,
        **dict.fromkeys(
            ("[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"), OutputStream.write
        ),
        **dict.fromkeys(("[method]output-stream.flush", "[method]output-stream.blocking-flush"), _flushed),
        "[method]output-stream.subscribe": _always,
        **dict.fromkeys(
            ("[method]output-stream.write-zeroes", "[method]output-stream.blocking-write-zeroes-and-flush"),
            OutputStream.zeroes,
        ),
        **dict.fromkeys(("[method]output-stream.splice", "[method]output-stream.blocking-splice"), OutputStream.splice),
    },
    {"input-stream": InputStream, "output-stream": OutputStream},
)
