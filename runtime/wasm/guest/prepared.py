"""Prepared: a module with everything that it may import, ready to be instantiated again and again."""

from collections.abc import Mapping, Sequence

import wasmtime

from runtime.wasm.guest.answering import Unfitting
from runtime.wasm.guest.bindings import Bindings, Http

Signature = tuple[tuple[str, ...], tuple[str, ...]]
_NOTHING: Signature = ((), ())
COMMAND: Mapping[str, Signature] = {"_start": _NOTHING}
REACTOR: Mapping[str, Signature] = {
    "_initialize": _NOTHING,
    "fabric_alloc": (("i32",), ("i32",)),
    "handle": (("i32", "i32"), ("i64",)),
    "fabric_free": (("i32", "i32"), ()),
}


def prepare(
    engine: wasmtime.Engine, module: wasmtime.Module, bindings: Bindings, http: Http | None
) -> wasmtime.InstancePre:
    """Link WASI, and `fabric.http_request` where it is granted. Raises wasmtime.WasmtimeError for unknown imports."""
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    if http is not None:
        bindings.define_http(linker, http)
    return linker.instantiate_pre(module)


def demand(
    module: wasmtime.Module, functions: Mapping[str, Signature], *, optional: Sequence[str] = (), memory: bool = False
) -> None:
    """Check exports by name and type before anything calls them unchecked. Raises Unfitting."""
    wanted = {*functions, "memory"}
    types = {each.name: each.type for each in module.exports if each.name in wanted}
    if memory and not isinstance(types.get("memory"), wasmtime.MemoryType):
        raise Unfitting("it exports no `memory`")
    for name, signature in functions.items():
        found = types.get(name)
        if found is None and name in optional:
            continue
        if not isinstance(found, wasmtime.FuncType) or _signature(found) != signature:
            raise Unfitting(f"it exports no function `{name}` from {list(signature[0])} to {list(signature[1])}")


def _signature(function: wasmtime.FuncType) -> Signature:
    return tuple(map(str, function.params)), tuple(map(str, function.results))
