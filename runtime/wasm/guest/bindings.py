"""Two ways to call into wasmtime with one face: `fast`, which is private and checked at start, and `plain`."""

from collections.abc import Callable, Hashable
from typing import Protocol

import wasmtime

Http = Callable[[bytes], bytes]
HTTP_MODULE, HTTP_NAME = "fabric", "http_request"
EIO, EINTR, EFAULT, ENOSPC = 5, 4, 14, 28


class Instance(Protocol):
    """A module's instance in a Store. All calls raise wasmtime.Trap or wasmtime.WasmtimeError."""

    def call(self, name: str) -> bool:
        """Call an export that takes and gives nothing. Is there one?"""
        ...

    def open(self) -> None:
        """Look up the exports of a reactor; their types have been checked."""
        ...

    def answer(self, request: bytes) -> bytes:
        """One request to `handle`. Raises Nonsense and Overflow, too."""
        ...

    def pages(self) -> int:
        """Pages of linear memory."""
        ...


class Bindings(Hashable, Protocol):
    """What `fast` and `plain` both offer."""

    def instantiate(self, pre: wasmtime.InstancePre, store: wasmtime.Store) -> Instance:
        """A new instance; runs its start function."""
        ...

    def stdin_bytes(self, config: wasmtime.WasiConfig, data: bytes) -> None:
        """Have the guest read `data` on stdin."""
        ...

    def define_http(self, linker: wasmtime.Linker, http: Http) -> None:
        """Give `fabric.http_request(request, n, answer, room) -> n or -errno` to guests."""
        ...


def choose(*, fast: bool) -> Bindings:
    """The bindings to use; `fast` if `probe.py` found that they work."""

    if fast:
        from runtime.wasm.guest.fast import BINDINGS  # noqa: PLC0415
    else:
        from runtime.wasm.guest.plain import BINDINGS  # noqa: PLC0415
    return BINDINGS
