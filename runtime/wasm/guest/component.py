"""ComponentGuest: an unmodified component that exports wasi:http/incoming-handler, with a host written in Python.

wasmtime's own host of wasi:http cannot make an incoming request, and lets its guests reach whatever they like; so
everything that such a component imports is defined in the `component_*` files, and the rest traps when it is called.
There are no files and no sockets. It is the slow way: docs/guests.md has its cost.
"""

import os
import resource
from functools import lru_cache

import wasmtime
from wasmtime.component import Component, Func, Linker

from runtime.wasm.guest import component_calls, component_fields, component_http, fast_component
from runtime.wasm.guest.answering import GuestIo, Unfitting
from runtime.wasm.guest.component_http import IncomingRequest, ResponseOutparam
from runtime.wasm.guest.component_io import ERROR, POLL, STREAMS
from runtime.wasm.guest.component_resources import Handles, Interface, define
from runtime.wasm.guest.component_system import Write, system
from runtime.wasm.launch import Launch
from runtime.wasm.messages import decode_request

_HANDLER = "wasi:http/incoming-handler"
_TYPES = Interface(
    "wasi:http/types",
    {**component_http.FUNCTIONS, **component_calls.FUNCTIONS, **component_fields.FIELDS},
    {**component_http.RESOURCES, **component_calls.RESOURCES},
)


class ComponentGuest:
    """`answering.AnsweringGuest` for components; one instance answers request after request until it traps."""

    def __init__(self) -> None:
        self._store: wasmtime.Store | None = None
        self._handle: Func | None = None
        self._handles = Handles()
        self._outputs: list[int] = []
        self._before = 0

    def start(self, launch: Launch, engine: wasmtime.Engine, module: Component, io: GuestIo) -> None:
        """See AnsweringGuest."""
        if launch.mounts:
            raise Unfitting("components see no files here, and it was given some")
        self._before = _grown()
        imports, handler = _interface(engine, module)
        self._store = store = io.store(engine, launch)
        self._outputs = [os.open(path, os.O_WRONLY) for path in (io.stdout, io.stderr)]
        stdout, stderr = (_writer(each) for each in self._outputs)
        linker = Linker(engine)
        offered = (*system(launch, stdout, stderr), POLL, ERROR, STREAMS, _TYPES, component_calls.handler(io.http))
        define(linker, self._handles, imports, fast_component.offer(), *offered)
        linker.allow_shadowing = True
        linker.define_unknown_imports_as_traps(module)
        instance = linker.instantiate(store, module)
        inner = instance.get_export_index(store, handler)
        index = instance.get_export_index(store, "handle", inner)
        self._handle = instance.get_func(store, index) if index is not None else None
        if self._handle is None:
            raise Unfitting(f"it exports no function `handle` in `{handler}`")

    def answer(self, request: bytes) -> bytes:
        """See AnsweringGuest."""
        assert self._handle is not None and self._store is not None  # noqa: S101 - it was started
        outparam = ResponseOutparam()
        asked = self._handles.own(IncomingRequest(decode_request(request)))
        self._handle(self._store, asked, self._handles.own(outparam))
        self._handle.post_return(self._store)
        return outparam.encoded()

    def memory(self) -> int:
        """By how much its process has grown at most: linear memory of a component cannot be looked at."""
        return max(_grown() - self._before, 0)

    def rearm(self) -> None:
        """See AnsweringGuest."""
        if self._store is not None:
            self._store.set_epoch_deadline(1)

    def close(self) -> None:
        """See AnsweringGuest."""
        self._handle = None
        if self._store is not None:
            self._store.close()
        for each in self._outputs:
            os.close(each)
        self._outputs = []


@lru_cache(maxsize=1)
def _interface(engine: wasmtime.Engine, component: Component) -> tuple[dict[str, frozenset[str]], str]:
    """What a component imports, by name within, and the name under which it exports the handler."""
    imports: dict[str, frozenset[str]] = {}
    for name, item in component.type.imports(engine).items():
        exports = getattr(item.ty, "exports", None)
        imports[name] = frozenset(exports(engine)) if exports is not None else frozenset()
    for name in component.type.exports(engine):
        if name.partition("@")[0] == _HANDLER:
            return imports, name
    raise Unfitting(f"it exports no `{_HANDLER}`")


def _writer(descriptor: int) -> Write:
    def write(piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return write


def _grown() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
