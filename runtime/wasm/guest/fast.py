"""Calls into wasmtime without its Python layer: a warm request costs microseconds where the public way takes 120.

Everything private about wasmtime is in this file. It is made for one version; `probe.py` tries it before it is used.
What it saves: types that are built at each call, exports looked up by name, and the GIL let go for calls that do not
run guest code.
"""

import ctypes
from ctypes import POINTER, addressof, byref, c_bool, c_char_p, c_size_t, c_uint64, c_void_p, cast
from typing import Final

import wasmtime
from wasmtime import _ffi as ffi

from runtime.wasm.guest.answering import Nonsense, Overflow
from runtime.wasm.guest.bindings import EFAULT, EINTR, EIO, ENOSPC, HTTP_MODULE, HTTP_NAME, Bindings, Http
from runtime.wasm.messages import ANSWER_MOST
from runtime.wasm.wire import PAGE

VERSION: Final = "50.0.1"

_HOLDS_THE_GIL = ctypes.PyDLL(None, handle=ffi.dll._handle)
_RAW = 2  # a wasmtime_val_raw_t is two 64-bit words

_U32 = 0xFFFFFFFF
_A_FUNCTION, _A_MEMORY = ffi.WASMTIME_EXTERN_FUNC.value, ffi.WASMTIME_EXTERN_MEMORY.value
_OF = ffi.wasmtime_extern_t.of.offset

_ROOM_LEAST = 4096
_ROOM_KEPT = 256 * 1024

_call = ffi.dll["wasmtime_func_call_unchecked"]
_call.argtypes, _call.restype = [c_void_p, c_void_p, c_void_p, c_size_t, c_void_p], c_void_p
_instantiate = ffi.dll["wasmtime_instance_pre_instantiate"]
_instantiate.argtypes, _instantiate.restype = [c_void_p, c_void_p, c_void_p, c_void_p], c_void_p
_export = _HOLDS_THE_GIL["wasmtime_instance_export_get"]
_export.argtypes, _export.restype = [c_void_p, c_void_p, c_char_p, c_size_t, c_void_p], c_bool
_memory_data = _HOLDS_THE_GIL["wasmtime_memory_data"]
_memory_data.argtypes, _memory_data.restype = [c_void_p, c_void_p], c_void_p
_memory_size = _HOLDS_THE_GIL["wasmtime_memory_data_size"]
_memory_size.argtypes, _memory_size.restype = [c_void_p, c_void_p], c_size_t
_caller_context = _HOLDS_THE_GIL["wasmtime_caller_context"]
_caller_context.argtypes, _caller_context.restype = [c_void_p], c_void_p
_caller_export = _HOLDS_THE_GIL["wasmtime_caller_export_get"]
_caller_export.argtypes, _caller_export.restype = [c_void_p, c_char_p, c_size_t, c_void_p], c_bool

_CALLBACK = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_void_p, c_size_t)
_define = ffi.dll["wasmtime_linker_define_func_unchecked"]
_define.argtypes = [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, _CALLBACK, c_void_p, c_void_p]
_define.restype = c_void_p

_memmove, _string_at = ctypes.memmove, ctypes.string_at


class FastInstance:
    """`bindings.Instance`. Its Store must live as long as it does, and is not used by anybody else."""

    def __init__(self, pre: wasmtime.InstancePre, store: wasmtime.Store) -> None:
        self._store = store
        self._context = cast(store._context(), c_void_p).value
        self._instance = ffi.wasmtime_instance_t()
        self._trap = c_void_p()
        self._trap_at = addressof(self._trap)
        self._slots = (c_uint64 * (2 * _RAW))()
        self._slots_at = addressof(self._slots)
        error = _instantiate(cast(pre.ptr(), c_void_p), self._context, addressof(self._instance), self._trap_at)
        if error or self._trap.value:
            raise self._failed(error)
        self._room = self._room_at = 0
        self._externs: list[ffi.wasmtime_extern_t] = []
        self._memory = self._find("memory", _A_MEMORY)
        self._alloc = self._handle = self._free = 0

    def call(self, name: str) -> bool:
        """See `bindings.Instance`."""
        function = self._find(name, _A_FUNCTION)
        if not function:
            return False
        error = _call(self._context, function, self._slots_at, _RAW, self._trap_at)
        if error or self._trap.value:
            raise self._failed(error)
        return True

    def open(self) -> None:
        """See `bindings.Instance`."""
        self._alloc = self._find("fabric_alloc", _A_FUNCTION)
        self._handle = self._find("handle", _A_FUNCTION)
        self._free = self._find("fabric_free", _A_FUNCTION)

    def answer(self, request: bytes) -> bytes:
        """See `bindings.Instance`."""
        size = len(request)
        if size > self._room:
            self._make_room(size)
        context, memory, slots = self._context, self._memory, self._slots
        _memmove(_memory_data(context, memory) + self._room_at, request, size)
        slots[0] = self._room_at
        slots[_RAW] = size
        error = _call(context, self._handle, self._slots_at, 2, self._trap_at)
        if error or self._trap.value:
            raise self._failed(error)
        at, count = divmod(slots[0], 1 << 32)
        if count > ANSWER_MOST:
            raise Overflow
        if at + count > _memory_size(context, memory):
            raise Nonsense(f"{count} bytes at address {at} are outside of its memory")
        answer = _string_at(_memory_data(context, memory) + at, count)
        slots[0] = at
        slots[_RAW] = count
        error = _call(context, self._free, self._slots_at, 2, self._trap_at)
        if error or self._trap.value:
            raise self._failed(error)
        if self._room > _ROOM_KEPT:
            self._give_room_back()
        return answer

    def pages(self) -> int:
        """See `bindings.Instance`."""
        return int(_memory_size(self._context, self._memory)) // PAGE if self._memory else 0

    def _make_room(self, size: int) -> None:
        if self._room:
            self._give_room_back()
        size = max(size, _ROOM_LEAST)
        self._slots[0] = size
        error = _call(self._context, self._alloc, self._slots_at, 1, self._trap_at)
        if error or self._trap.value:
            raise self._failed(error)
        at = self._slots[0] & _U32
        if not at or at + size > _memory_size(self._context, self._memory):
            raise Nonsense(f"fabric_alloc({size}) gave {at}")
        self._room_at, self._room = at, size

    def _give_room_back(self) -> None:
        self._slots[0], self._slots[_RAW] = self._room_at, self._room
        self._room = 0
        error = _call(self._context, self._free, self._slots_at, 2, self._trap_at)
        if error or self._trap.value:
            raise self._failed(error)

    def _find(self, name: str, kind: int) -> int:
        extern = ffi.wasmtime_extern_t()
        raw = name.encode()
        if not _export(self._context, addressof(self._instance), raw, len(raw), addressof(extern)):
            return 0
        if int(extern.kind) != kind:
            return 0
        self._externs.append(extern)
        return int(addressof(extern) + _OF)

    def _failed(self, error: int | None) -> wasmtime.WasmtimeError | wasmtime.Trap:
        if error:
            return wasmtime.WasmtimeError._from_ptr(cast(error, POINTER(ffi.wasmtime_error_t)))
        trap = wasmtime.Trap._from_ptr(cast(self._trap.value or 0, POINTER(ffi.wasm_trap_t)))
        self._trap.value = None
        return trap


class _Fast:
    """`bindings.Bindings`."""

    def __init__(self) -> None:
        self._callbacks: list[object] = []

    def instantiate(self, pre: wasmtime.InstancePre, store: wasmtime.Store) -> FastInstance:
        return FastInstance(pre, store)

    def stdin_bytes(self, config: wasmtime.WasiConfig, data: bytes) -> None:
        ffi.wasi_config_set_stdin_bytes(config.ptr(), byref(ffi.bytes_to_capi(data)))

    def define_http(self, linker: wasmtime.Linker, http: Http) -> None:
        def ask(_env: int | None, caller: int, slots: int, _count: int) -> int:
            # What is raised here ctypes prints and forgets, and the guest reads 0 bytes.
            words = (c_uint64 * (4 * _RAW)).from_address(slots)
            arguments = [words[each * _RAW] & _U32 for each in range(4)]
            words[0] = _ask(caller, arguments, http) & _U32
            return 0

        callback = _CALLBACK(ask)
        i32 = wasmtime.ValType.i32()
        kind = wasmtime.FuncType([i32] * 4, [i32])
        module, name = HTTP_MODULE.encode(), HTTP_NAME.encode()
        error: int | None = _define(
            cast(linker.ptr(), c_void_p),
            module,
            len(module),
            name,
            len(name),
            cast(kind.ptr(), c_void_p),
            callback,
            None,
            None,
        )
        if error:
            raise wasmtime.WasmtimeError._from_ptr(cast(error, POINTER(ffi.wasmtime_error_t)))
        self._callbacks.append(callback)


def _ask(caller: int, arguments: list[int], http: Http) -> int:
    request_at, request_size, answer_at, room = arguments
    context = _caller_context(caller)
    extern = ffi.wasmtime_extern_t()
    found = _caller_export(caller, b"memory", 6, addressof(extern))
    if not found or int(extern.kind) != _A_MEMORY:
        return -EFAULT
    memory = addressof(extern) + _OF
    end = _memory_size(context, memory)
    if request_at + request_size > end or answer_at + room > end or request_size > ANSWER_MOST:
        return -EFAULT
    try:
        answer = http(_string_at(_memory_data(context, memory) + request_at, request_size))
    except InterruptedError:
        return -EINTR
    except OSError:
        return -EIO
    if len(answer) > room:
        return -ENOSPC
    _memmove(_memory_data(context, memory) + answer_at, answer, len(answer))
    return len(answer)


BINDINGS: Final[Bindings] = _Fast()
