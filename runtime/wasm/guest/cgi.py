"""CgiGuest: a fresh instance a request, RFC 3875."""

import wasmtime

from catalog.errors import TargetFailed
from runtime.wasm.guest import traps, wasi
from runtime.wasm.guest.answering import GuestIo, Nonsense
from runtime.wasm.guest.bindings import Bindings
from runtime.wasm.guest.cgi_answer import meta_variables, read_answer
from runtime.wasm.guest.cgi_output import output_of
from runtime.wasm.guest.prepared import COMMAND, demand, prepare
from runtime.wasm.launch import Launch
from runtime.wasm.messages import GuestRequest, decode_request
from runtime.wasm.wire import PAGE


class CgiGuest:
    """`answering.AnsweringGuest` for commands that answer one request."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._pages = 0

    def start(self, launch: Launch, engine: wasmtime.Engine, module: wasmtime.Module, io: GuestIo) -> None:
        """See AnsweringGuest. One instance is made and thrown away: what cannot be instantiated is known now."""
        demand(module, COMMAND)
        self._pre = prepare(engine, module, self._bindings, io.http)
        self._launch, self._engine, self._io = launch, engine, io
        self._output = output_of(launch)
        with io.store(engine, launch) as store:
            store.set_wasi(wasi.launched(launch, stdin=None, stdout=io.stdout, stderr=io.stderr))
            self._pages = self._bindings.instantiate(self._pre, store).pages()

    def answer(self, request: bytes) -> bytes:
        """See AnsweringGuest."""
        try:
            read = decode_request(request)
        except TargetFailed as error:
            raise Nonsense(f"it was asked what cannot be read ({error.message})") from None
        path = self._output.path()
        try:
            self._run(read, path)
        finally:
            output = self._output.read()
        return read_answer(output)

    def _run(self, request: GuestRequest, stdout: str) -> None:
        with self._io.store(self._engine, self._launch) as store:
            config = wasi.configure(
                argv=self._launch.argv or (self._launch.service,),
                environment=meta_variables(request, self._launch.environment),
                mounts=self._launch.mounts,
                stdin=None,
                stdout=stdout,
                stderr=self._io.stderr,
            )
            self._bindings.stdin_bytes(config, request.body)
            store.set_wasi(config)
            instance = self._bindings.instantiate(self._pre, store)
            try:
                instance.call("_start")
            except wasmtime.WasmtimeError as error:
                if traps.exit_code(error) != 0:
                    raise
            finally:
                self._pages = instance.pages()

    def memory(self) -> int:
        """See AnsweringGuest. What the last request used."""
        return self._pages * PAGE

    def rearm(self) -> None:
        """See AnsweringGuest. Every request has a Store of its own."""

    def close(self) -> None:
        """See AnsweringGuest."""
