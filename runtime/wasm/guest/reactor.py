"""ReactorGuest: a warm instance; `fabric_alloc`, `handle`, `fabric_free`."""

from functools import lru_cache

import wasmtime

from runtime.wasm.guest import wasi
from runtime.wasm.guest.answering import GuestIo
from runtime.wasm.guest.bindings import Bindings, Http, Instance
from runtime.wasm.guest.prepared import REACTOR, demand, prepare
from runtime.wasm.launch import Launch
from runtime.wasm.wire import PAGE


class ReactorGuest:
    """`answering.AnsweringGuest` for core modules."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._store: wasmtime.Store | None = None
        self._instance: Instance | None = None

    def start(self, launch: Launch, engine: wasmtime.Engine, module: wasmtime.Module, io: GuestIo) -> None:
        """See AnsweringGuest."""
        pre = _prepared(engine, module, self._bindings, io.http)
        self._store = store = io.store(engine, launch)
        store.set_wasi(wasi.launched(launch, stdin=None, stdout=io.stdout, stderr=io.stderr))
        self._instance = self._bindings.instantiate(pre, store)
        self._instance.call("_initialize")
        self._instance.open()

    def answer(self, request: bytes) -> bytes:
        """See AnsweringGuest."""
        if self._instance is None:
            raise RuntimeError("it has not been started")
        return self._instance.answer(request)

    def memory(self) -> int:
        """See AnsweringGuest."""
        return self._instance.pages() * PAGE if self._instance is not None else 0

    def rearm(self) -> None:
        """See AnsweringGuest."""
        if self._store is not None:
            self._store.set_epoch_deadline(1)

    def close(self) -> None:
        """See AnsweringGuest."""
        self._instance = None
        if self._store is not None:
            self._store.close()


@lru_cache(maxsize=1)
def _prepared(
    engine: wasmtime.Engine, module: wasmtime.Module, bindings: Bindings, http: Http | None
) -> wasmtime.InstancePre:
    demand(module, REACTOR, optional=("_initialize",), memory=True)
    return prepare(engine, module, bindings, http)
