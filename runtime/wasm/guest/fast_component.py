"""Functions offered to components, and lists of bytes, without what wasmtime's Python layer does anew at each call.

Everything private about wasmtime's component layer is here. It is made for one version; with another the public way is
taken, on which a call costs several times as much, and a long list of bytes a hundred times.

What it saves: a function's type is looked up at its first call and kept, cases of variants are, too; and a list of
bytes, 32 bytes each in C, is moved as one piece.
"""

import ctypes
from functools import cached_property
from importlib.metadata import version
from typing import Final

import wasmtime
from wasmtime import StoreContext
from wasmtime import _ffi as ffi
from wasmtime.component import LinkerInstance
from wasmtime.component import _linker as linker_module
from wasmtime.component import _types as types
from wasmtime.component._enter import catch_exceptions

from runtime.wasm.guest.component_resources import Function, Offer

VERSION: Final = "50.0.1"

_KNOWN: Final = version("wasmtime") == VERSION
"""Looked up at the import: a worker cannot open files."""
_VALUE: Final = ctypes.sizeof(ffi.wasmtime_component_val_t)
_PAYLOAD: Final = ffi.wasmtime_component_val_t.of.offset
_KIND_OF_BYTE: Final = bytes((ffi.WASMTIME_COMPONENT_U8.value,))


def offer() -> Offer:
    """The way to take. Patches wasmtime's types at the first call: only for a worker that hosts a component."""
    if not _KNOWN:
        return plainly
    _patch()
    return quickly


def plainly(linker: LinkerInstance, name: str, function: Function) -> None:
    """By wasmtime's public way."""
    linker.add_func(name, function)


def quickly(linker: LinkerInstance, name: str, function: Function) -> None:
    """Its type is looked up once."""
    raw = name.encode()
    slot = linker_module.FUNCTIONS.allocate(_Typed(function))
    error = ffi.wasmtime_component_linker_instance_add_func(
        linker.ptr(), raw, len(raw), _called, slot, linker_module.func_finalize
    )
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)


class _Typed:
    """A function with the types that it was first called with; one import has one type."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._parameters: list[types.ValType] | None = None
        self._result: types.ValType | None = None

    def __call__(self, store: StoreContext, kind: object, arguments: object, count: int, results: object) -> None:
        if self._parameters is None:
            with types.FuncType._from_ptr(kind, owner=store) as looked_up:  # type: ignore[arg-type]  # ctypes
                self._result = looked_up.result
                self._parameters = [each for _, each in looked_up.params]
        given = [self._parameters[at].convert_from_c(arguments[at]) for at in range(count)]  # type: ignore[index]
        result = self._function(store, *given)
        if self._result is not None:
            self._result.convert_to_c(store, result, results)  # type: ignore[arg-type]


@ffi.wasmtime_component_func_callback_t  # type: ignore[untyped-decorator]
def _called(slot: int, context: object, kind: object, arguments: object, count: int, results: object, _: int) -> int:
    def run(store: StoreContext) -> None:
        linker_module.FUNCTIONS.get(slot or 0)(store, kind, arguments, count, results)

    return catch_exceptions(context, run)  # type: ignore[arg-type, return-value]  # ctypes


def _patch() -> None:
    if isinstance(types.VariantType.cases, cached_property):
        return
    for owner, name in (
        (types.ListType, "element"),
        (types.TupleType, "elements"),
        (types.RecordType, "fields"),
        (types.VariantType, "cases"),
        (types.OptionType, "payload"),
        (types.ResultType, "ok"),
        (types.ResultType, "err"),
    ):
        looked_up = getattr(owner, name).fget
        kept = cached_property(looked_up)
        kept.__set_name__(owner, name)
        setattr(owner, name, kept)
    for patched, name, ours in (
        (types.VariantLikeType, "_tagged", _remembered(types.VariantLikeType._tagged)),
        (types.ListType, "convert_to_c", _list_to_c),
        (types.ListType, "convert_from_c", _list_from_c),
    ):
        setattr(patched, name, ours)


def _remembered(tell: Function) -> Function:
    def tagged(self: object) -> object:
        known = self.__dict__.get("_fabric_tagged")
        if known is None:
            known = self.__dict__["_fabric_tagged"] = tell(self)
        return known

    return tagged


_public_to_c, _public_from_c = types.ListType.convert_to_c, types.ListType.convert_from_c


def _list_to_c(self: types.ListType, store: StoreContext, value: object, target: object) -> None:
    if not isinstance(value, bytes) or not isinstance(self.element, types.U8):
        return _public_to_c(self, store, value, target)  # type: ignore[arg-type]
    raw = ffi.wasmtime_component_vallist_t()
    ffi.wasmtime_component_vallist_new_uninit(raw, len(value))
    wide = bytearray(len(value) * _VALUE)
    wide[::_VALUE] = _KIND_OF_BYTE * len(value)
    wide[_PAYLOAD::_VALUE] = value
    ctypes.memmove(raw.data, bytes(wide), len(wide))
    target.contents.kind = ffi.WASMTIME_COMPONENT_LIST  # type: ignore[attr-defined]
    target.contents.of.list = raw  # type: ignore[attr-defined]
    return None


def _list_from_c(self: types.ListType, value: ffi.wasmtime_component_val_t) -> object:
    if not isinstance(self.element, types.U8):
        return _public_from_c(self, value)
    try:
        return ctypes.string_at(value.of.list.data, value.of.list.size * _VALUE)[_PAYLOAD::_VALUE]
    finally:
        ffi.wasmtime_component_vallist_delete(ctypes.byref(value.of.list))
