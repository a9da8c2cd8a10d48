"""Calls into wasmtime without its Python layer: a warm request costs microseconds where the public way takes 120.

Everything private about wasmtime is in this file. It is made for one version; `probe.py` tries it before it is used.
What it saves: types that are built at each call, exports looked up by name, and the GIL let go for calls that do not
run guest code.
"""

import ctypes
from ctypes import POINTER, addressof, byref, c_bool, c_char_p, c_int, c_size_t, c_ssize_t, c_uint64, c_void_p, cast
from struct import Struct
from typing import Final

import wasmtime
from wasmtime import _ffi as ffi

from runtime.wasm.guest.answering import Nonsense, Overflow, Unfitting
from runtime.wasm.guest.bindings import EFAULT, EINTR, EIO, ENOSPC, HTTP_MODULE, HTTP_NAME, Bindings, Http
from runtime.wasm.messages import ANSWER_MOST
from runtime.wasm.wire import PAGE

VERSION: Final = "50.0.1"

_HOLDS_THE_GIL = ctypes.PyDLL(None, handle=ffi.dll._handle)
_RAW = 2  # a wasmtime_val_raw_t is two 64-bit words
_ARGUMENTS = Struct("<Q8xQ")
_RESULT = Struct("<II")
"""An i64 as `handle` composes it: the lower half, a length, and the upper one, an address. An i32 is the lower half."""

_U32 = 0xFFFFFFFF
_A_FUNCTION, _A_MEMORY = ffi.WASMTIME_EXTERN_FUNC.value, ffi.WASMTIME_EXTERN_MEMORY.value
_OF = ffi.wasmtime_extern_t.of.offset

_ROOM_LEAST = 4096
_ROOM_KEPT = 256 * 1024

_call = ffi.dll["wasmtime_func_call_unchecked"]
_call.restype = c_void_p  # and no argtypes: it is only given a `Prepared`, whose words need no conversion
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
_view = ctypes.pythonapi.PyMemoryView_FromMemory
_view.argtypes, _view.restype = [c_void_p, c_ssize_t, c_int], ctypes.py_object
_WRITABLE = 0x200

Prepared = tuple[c_void_p, c_void_p, c_void_p, c_size_t, c_void_p]
"""What `_call` takes to call one export: made once, used for every request."""


class FastInstance:
    """`bindings.Instance`. Its Store must live as long as it does, and is not used by anybody else."""

    def __init__(self, pre: wasmtime.InstancePre, store: wasmtime.Store) -> None:
        self._store = store
        self._context = cast(store._context(), c_void_p).value
        self._instance = ffi.wasmtime_instance_t()
        self._trap = c_void_p()
        self._slots = (c_uint64 * (2 * _RAW))()
        trap_at = addressof(self._trap)
        error = _instantiate(cast(pre.ptr(), c_void_p), self._context, addressof(self._instance), trap_at)
        if error or self._trap.value:
            raise self._failed(error)
        self._room = self._room_at = 0
        self._externs: list[ffi.wasmtime_extern_t] = []
        self._memory = self._find("memory", _A_MEMORY)
        self._seen = memoryview(bytearray())
        """The linear memory, as far as anybody has looked. It never shrinks, and does not move when it grows: all that
        a module can address is reserved for it (`settings.py`)."""

    def call(self, name: str) -> bool:
        """See `bindings.Instance`."""
        function = self._prepared(name)
        if function is None:
            return False
        self._run(function, 0, 0)
        return True

    def open(self) -> None:
        """See `bindings.Instance`."""
        self._alloc, self._handle, self._free = map(self._exported, ("fabric_alloc", "handle", "fabric_free"))

    def answer(self, request: bytes) -> bytes:
        """See `bindings.Instance`."""
        size = len(request)
        if size > self._room:
            self._make_room(size)
        room = self._room_at
        self._seen[room : room + size] = request
        self._run(self._handle, room, size)
        count, at = _RESULT.unpack_from(self._slots)
        if count > ANSWER_MOST:
            raise Overflow
        end = at + count
        if end > len(self._seen) and not self._reaches(end):
            raise Nonsense(f"{count} bytes at address {at} are outside of its memory")
        answer = self._seen[at:end].tobytes()
        self._run(self._free, at, count)
        if self._room > _ROOM_KEPT:
            self._give_room_back()
        return answer

    def pages(self) -> int:
        """See `bindings.Instance`."""
        return int(_memory_size(self._context, self._memory)) // PAGE if self._memory else 0

    def _run(self, function: Prepared, first: int, second: int) -> None:
        """Call it with two words, or as many of them as it takes. What it gives is in the slots then."""
        _ARGUMENTS.pack_into(self._slots, 0, first, second)
        error = _call(*function)
        if error or self._trap.value:
            raise self._failed(error)

    def _reaches(self, end: int) -> bool:
        """Is there memory up to this address? Look again, for it may have grown."""
        context, memory = self._context, self._memory
        self._seen = _view(_memory_data(context, memory), _memory_size(context, memory), _WRITABLE)
        return end <= len(self._seen)

    def _make_room(self, size: int) -> None:
        if self._room:
            self._give_room_back()
        size = max(size, _ROOM_LEAST)
        self._run(self._alloc, size, 0)
        at, _ = _RESULT.unpack_from(self._slots)
        if not at or not self._reaches(at + size):
            raise Nonsense(f"fabric_alloc({size}) gave {at}")
        self._room_at, self._room = at, size

    def _give_room_back(self) -> None:
        room, self._room = self._room, 0
        self._run(self._free, self._room_at, room)

    def _exported(self, name: str) -> Prepared:
        function = self._prepared(name)
        if function is None:
            raise Unfitting(f"it exports no function `{name}`")
        return function

    def _prepared(self, name: str) -> Prepared | None:
        function = self._find(name, _A_FUNCTION)
        if not function:
            return None
        slots, trap = c_void_p(addressof(self._slots)), c_void_p(addressof(self._trap))
        return c_void_p(self._context), c_void_p(function), slots, c_size_t(len(self._slots)), trap

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
