"""The same as `fast.py` through wasmtime's public interface alone: for versions that `fast` does not know. Slower."""

import os
from typing import Final

import wasmtime

from runtime.wasm.guest.answering import Nonsense, Overflow, Unfitting
from runtime.wasm.guest.bindings import EFAULT, EINTR, EIO, ENOSPC, HTTP_MODULE, HTTP_NAME, Bindings, Http
from runtime.wasm.messages import ANSWER_MOST
from runtime.wasm.wire import PAGE

_ROOM_LEAST = 4096
_ROOM_KEPT = 256 * 1024


class PlainInstance:
    """`bindings.Instance`."""

    def __init__(self, pre: wasmtime.InstancePre, store: wasmtime.Store) -> None:
        self._store = store
        self._exports = pre.instantiate(store).exports(store)
        self._room = self._room_at = 0

    def call(self, name: str) -> bool:
        """See `bindings.Instance`."""
        function = self._exports.get(name)
        if not isinstance(function, wasmtime.Func):
            return False
        function(self._store)
        return True

    def open(self) -> None:
        """See `bindings.Instance`."""
        memory = self._exports["memory"]
        if not isinstance(memory, wasmtime.Memory):
            raise Unfitting("it exports no `memory`")
        self._memory = memory
        self._alloc = self._function("fabric_alloc")
        self._handle = self._function("handle")
        self._free = self._function("fabric_free")

    def answer(self, request: bytes) -> bytes:
        """See `bindings.Instance`."""
        size = len(request)
        if size > self._room:
            self._make_room(size)
        self._memory.write(self._store, request, self._room_at)
        at, count = divmod(self._handle(self._store, self._room_at, size) & 0xFFFFFFFFFFFFFFFF, 1 << 32)
        if count > ANSWER_MOST:
            raise Overflow
        if at + count > self._memory.data_len(self._store):
            raise Nonsense(f"{count} bytes at address {at} are outside of its memory")
        answer = bytes(self._memory.read(self._store, at, at + count))
        self._free(self._store, at, count)
        if self._room > _ROOM_KEPT:
            self._give_room_back()
        return answer

    def pages(self) -> int:
        """See `bindings.Instance`."""
        memory = self._exports.get("memory")
        return memory.data_len(self._store) // PAGE if isinstance(memory, wasmtime.Memory) else 0

    def _function(self, name: str) -> wasmtime.Func:
        function = self._exports[name]
        if not isinstance(function, wasmtime.Func):
            raise Unfitting(f"it exports no function `{name}`")
        return function

    def _make_room(self, size: int) -> None:
        if self._room:
            self._give_room_back()
        size = max(size, _ROOM_LEAST)
        at = self._alloc(self._store, size) & 0xFFFFFFFF
        if not at or at + size > self._memory.data_len(self._store):
            raise Nonsense(f"fabric_alloc({size}) gave {at}")
        self._room_at, self._room = at, size

    def _give_room_back(self) -> None:
        room, self._room = self._room, 0
        self._free(self._store, self._room_at, room)


class _Plain:
    """`bindings.Bindings`."""

    def instantiate(self, pre: wasmtime.InstancePre, store: wasmtime.Store) -> PlainInstance:
        return PlainInstance(pre, store)

    def stdin_bytes(self, config: wasmtime.WasiConfig, data: bytes) -> None:
        file = os.memfd_create("stdin", os.MFD_CLOEXEC)
        try:
            with open(file, "wb", closefd=False) as out:
                out.write(data)
            config.stdin_file = f"/proc/self/fd/{file}"  # opened here and now
        finally:
            os.close(file)

    def define_http(self, linker: wasmtime.Linker, http: Http) -> None:
        def ask(caller: wasmtime.Caller, request_at: int, request_size: int, answer_at: int, room: int) -> int:
            request_at, request_size = request_at & 0xFFFFFFFF, request_size & 0xFFFFFFFF
            answer_at, room = answer_at & 0xFFFFFFFF, room & 0xFFFFFFFF
            memory = caller.get("memory")
            if not isinstance(memory, wasmtime.Memory):
                return -EFAULT
            end = memory.data_len(caller)
            if request_at + request_size > end or answer_at + room > end or request_size > ANSWER_MOST:
                return -EFAULT
            try:
                answer = http(bytes(memory.read(caller, request_at, request_at + request_size)))
            except InterruptedError:
                return -EINTR
            except OSError:
                return -EIO
            if len(answer) > room:
                return -ENOSPC
            memory.write(caller, answer, answer_at)
            return len(answer)

        i32 = wasmtime.ValType.i32()
        kind = wasmtime.FuncType([i32] * 4, [i32])
        linker.define_func(HTTP_MODULE, HTTP_NAME, kind, ask, access_caller=True)


BINDINGS: Final[Bindings] = _Plain()
