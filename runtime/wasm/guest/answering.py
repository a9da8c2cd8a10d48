"""AnsweringGuest: what reactor, cgi and component guests have in common, and how they say that one has failed.

A component's host, for instance, is a class with these methods; `serving.py` calls them, all in the guest's thread:

    guest = ComponentGuest()
    guest.start(launch, engine, module, io)    once; `ready` is sent when it returns
    guest.answer(request)                      once a request, `messages` in, `messages` out
    guest.rearm()                              after an interrupt that came too late to stop anything
    guest.close()                              when it has trapped; another object is then made and started

Everything it imports must be imported when its module is: afterwards no file can be opened but the guest's mounts.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec
import wasmtime

from runtime.wasm.launch import Launch

Code_contra = TypeVar("Code_contra", contravariant=True)


class GuestIo(msgspec.Struct, frozen=True):
    """How a guest reaches the world. The paths open the log's pipes, for `WasiConfig.stdout_file` and `stderr_file`.

    `http` carries out one `fabric.http_request` (as `messages`); it raises InterruptedError when the request that is
    under way has run out of time, ConnectionError when the daemon is gone. None: not granted.
    """

    stdout: str
    stderr: str
    http: Callable[[bytes], bytes] | None

    def store(self, engine: wasmtime.Engine, launch: Launch) -> wasmtime.Store:
        """A Store with the launch's limits, that stops at the engine's next epoch."""
        store = wasmtime.Store(engine)
        store.set_limits(memory_size=launch.memory, table_elements=launch.tables, instances=64, tables=16, memories=16)
        store.set_epoch_deadline(1)
        return store


class AnsweringGuest(Protocol[Code_contra]):
    """A live guest that answers one request after the other. `Code_contra` is wasmtime's Module or Component."""

    def start(self, launch: Launch, engine: wasmtime.Engine, module: Code_contra, io: GuestIo) -> None:
        """Instantiate. Raises wasmtime.WasmtimeError, wasmtime.Trap or Unfitting."""
        ...

    def answer(self, request: bytes) -> bytes:
        """Answer one request. Raises wasmtime.WasmtimeError, wasmtime.Trap, Nonsense or Overflow."""
        ...

    def memory(self) -> int:
        """Bytes of linear memory now."""
        ...

    def rearm(self) -> None:
        """Put the Store's epoch deadline off to the next epoch (`store.set_epoch_deadline(1)`)."""
        ...

    def close(self) -> None:
        """Give its memory back."""
        ...


class Unfitting(Exception):
    """The module is no guest of this ABI; the text says why."""


class Nonsense(Exception):
    """The guest answered something that cannot be taken; the text says what."""


class Overflow(Exception):
    """The guest's answer is over `messages.ANSWER_MOST`."""
