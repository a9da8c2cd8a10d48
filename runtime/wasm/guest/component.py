"""ComponentGuest: an unmodified component that exports wasi:http/incoming-handler, with a host written in Python.

Functions of its own that it exports besides, or instead, are called as the service's: `component_functions.py`.

wasmtime's own host of wasi:http cannot make an incoming request, and lets its guests reach whatever they like; so
everything that such a component imports is defined in the `component_*` files, and the rest traps when it is called.
There are no files and no sockets. It is the slow way: docs/guests.md has its cost.

An instance is kept for the next request, which wasi:http neither forbids nor promises. One that answers once and then
no more (JavaScript's fetch event is such a one) is found out at its second request: that one is done again in a fresh
instance, if nobody outside has seen anything of it, and from then on each request gets its own.
"""

import os
import resource
from collections.abc import Callable
from functools import lru_cache

import wasmtime
from wasmtime.component import Component, Func, Instance, Linker

from runtime.wasm.guest import component_calls, component_fields, component_http, fast_component
from runtime.wasm.guest.answering import GuestIo, Nonsense, Unfitting
from runtime.wasm.guest.component_functions import TypedFunction, typed_functions, wanted_function
from runtime.wasm.guest.component_http import IncomingRequest, ResponseOutparam
from runtime.wasm.guest.component_io import ERROR, POLL, STREAMS
from runtime.wasm.guest.component_resources import Handles, Interface, define
from runtime.wasm.guest.component_system import Write, system
from runtime.wasm.launch import Launch
from runtime.wasm.messages import decode_request, encode_answer

_HANDLER = "wasi:http/incoming-handler"
_TYPES = Interface(
    "wasi:http/types",
    {**component_http.FUNCTIONS, **component_calls.FUNCTIONS, **component_fields.FIELDS},
    {**component_http.RESOURCES, **component_calls.RESOURCES},
)


class ComponentGuest:
    """`answering.AnsweringGuest` for components; one instance answers request after request, if it can."""

    def __init__(self) -> None:
        self._store: wasmtime.Store | None = None
        self._handle: Func | None = None
        self._functions: dict[str, TypedFunction] = {}
        self._found: dict[str, Func] = {}
        self._fresh: Callable[[], tuple[wasmtime.Store, Func | None, dict[str, Func]]] | None = None
        self._handles = Handles()
        self._outputs: list[int] = []
        self._before = 0
        self._answered = self._sent = 0
        self._keeps = True

    def start(self, launch: Launch, engine: wasmtime.Engine, module: Component, io: GuestIo) -> None:
        """See AnsweringGuest."""
        if launch.mounts:
            raise Unfitting("components see no files here, and it was given some")
        self._before = _grown()
        imports, handler, self._functions = _interface(engine, module)
        self._outputs = [os.open(path, os.O_WRONLY) for path in (io.stdout, io.stderr)]
        stdout, stderr = (_writer(each) for each in self._outputs)
        linker = Linker(engine)
        offered = (
            *system(launch, stdout, stderr),
            POLL,
            ERROR,
            STREAMS,
            _TYPES,
            component_calls.handler(self._counted(io.http)),
        )
        define(linker, self._handles, imports, fast_component.offer(), *offered)
        linker.allow_shadowing = True
        linker.define_unknown_imports_as_traps(module)

        def fresh() -> tuple[wasmtime.Store, Func | None, dict[str, Func]]:
            store = io.store(engine, launch)
            instance = linker.instantiate(store, module)
            looked = {name: each.find(store, instance) for name, each in self._functions.items()}
            found = {name: function for name, function in looked.items() if function is not None}
            return store, None if handler is None else _handle(store, instance, handler), found

        self._fresh = fresh
        self._renew()

    def answer(self, request: bytes) -> bytes:
        """See AnsweringGuest."""
        if self._answered and not self._keeps:
            self._renew()
        self._sent = 0
        try:
            answer = self._answer(request)
        except Nonsense:
            if not self._answered or self._sent:
                raise
            self._renew()
            answer = self._answer(request)
            self._keeps = False
        self._answered += 1
        return answer

    def _renew(self) -> None:
        """Take another instance."""
        assert self._fresh is not None  # noqa: S101 - it was started
        if self._store is not None:
            self._store.close()
        self._handles.clear()
        self._answered = 0
        self._store, self._handle, self._found = self._fresh()

    def _counted(self, http: component_calls.Http | None) -> component_calls.Http | None:
        if http is None:
            return None

        def sent(request: bytes) -> bytes:
            self._sent += 1
            return http(request)

        return sent

    def _answer(self, request: bytes) -> bytes:
        assert self._store is not None  # noqa: S101 - it was started
        incoming = decode_request(request)
        wanted = self._functions.get(wanted_function(incoming) or "")
        if wanted is not None and wanted.name in self._found:
            return wanted.call(self._store, self._found[wanted.name], incoming.body)
        if self._handle is None:
            return encode_answer(404, [], b"This component exports functions, and answers no requests.\n")
        outparam = ResponseOutparam()
        asked = self._handles.own(IncomingRequest(incoming))
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
        self._handle, self._found = None, {}
        if self._store is not None:
            self._store.close()
        for each in self._outputs:
            os.close(each)
        self._outputs = []


@lru_cache(maxsize=1)
def _interface(
    engine: wasmtime.Engine, component: Component
) -> tuple[dict[str, frozenset[str]], str | None, dict[str, TypedFunction]]:
    """What a component imports, by name within; the name under which it exports the handler; its own functions."""
    imports: dict[str, frozenset[str]] = {}
    for name, item in component.type.imports(engine).items():
        exports = getattr(item.ty, "exports", None)
        imports[name] = frozenset(exports(engine)) if exports is not None else frozenset()
    functions = {each.name: each for each in typed_functions(engine, component)}
    for name in component.type.exports(engine):
        if name.partition("@")[0] == _HANDLER:
            return imports, name, functions
    if functions:
        return imports, None, functions
    raise Unfitting(f"it exports neither `{_HANDLER}` nor functions of its own")


def _handle(store: wasmtime.Store, instance: Instance, handler: str) -> Func:
    index = instance.get_export_index(store, "handle", instance.get_export_index(store, handler))
    function = instance.get_func(store, index) if index is not None else None
    if function is None:
        raise Unfitting(f"it exports no function `handle` in `{handler}`")
    return function


def _writer(descriptor: int) -> Write:
    def write(piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return write


def _grown() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
