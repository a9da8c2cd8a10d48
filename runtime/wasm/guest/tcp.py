"""A tcp guest: a fresh instance and a thread for each connection; its stdin and stdout are the connection."""

import os
import select
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer
from typing import NoReturn

import msgspec
import wasmtime

from runtime.wasm.guest import wasi
from runtime.wasm.guest.answering import Unfitting
from runtime.wasm.guest.bindings import Http
from runtime.wasm.guest.command import how_it_ended
from runtime.wasm.guest.engines import engine
from runtime.wasm.guest.prepared import COMMAND, demand, prepare
from runtime.wasm.guest.serving import unfit
from runtime.wasm.guest.shared_http import SharedHttp
from runtime.wasm.guest.situation import STDERR, Situation
from runtime.wasm.settings import CORE
from runtime.wasm.wire import MESSAGE_MOST, START, Closed, Connect, Ended, Failure, decode_to_worker

_GRACE = 1.0
"""Seconds that a guest has to notice that nobody reads any longer what it writes."""


class _Connection(msgspec.Struct, frozen=True, kw_only=True):
    """Its own engine makes it one that can be stopped alone. `watched` is the pipe that it writes to."""

    number: int
    engine: wasmtime.Engine
    stdin: int
    stdout: int
    watched: int


class Connections:
    """`obey` is the main thread's, and it alone knows which connections there are; each has a thread of its own."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._shared = SharedHttp(situation.requests)
        self._open: dict[int, _Connection] = {}
        self._ended: deque[_Connection] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(situation.control, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def run(self) -> NoReturn:
        """The guest's thread: says whether the module fits, then hands out answers to `fabric.http_request`."""
        situation = self._situation
        try:
            demand(situation.module, COMMAND)
            prepare(situation.engine, situation.module, situation.bindings, self._http)
        except (wasmtime.WasmtimeError, Unfitting) as error:
            unfit(situation, error)
        situation.say(situation.ready)
        self._shared.run()
        situation.say(Ended(code=0))
        os._exit(0)

    def obey(self) -> NoReturn:
        """The main thread: do as the daemon says, and see to connections that have come to their end."""
        control = self._situation.control.fileno()
        while True:
            ready = {descriptor for descriptor, _ in self._poll.poll()}
            for descriptor in ready - {control, self._wake}:
                self._abandon(descriptor)
            if self._wake in ready:
                os.eventfd_read(self._wake)
                self._bury()
            if control in ready:
                self._listen()

    def _listen(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._situation.control, MESSAGE_MOST, 2)
        if not data:
            os._exit(0)
        message = decode_to_worker(data)
        if isinstance(message, Connect):
            self._connect(message.connection, *descriptors)
        else:
            for connection in self._open.values():
                if message.request in (START, connection.number):
                    connection.engine.increment_epoch()

    def _connect(self, number: int, stdin: int, stdout: int) -> None:
        connection = _Connection(number=number, engine=engine(CORE), stdin=stdin, stdout=stdout, watched=os.dup(stdout))
        self._open[number] = connection
        self._poll.register(connection.watched, 0)
        try:
            Thread(target=self._serve, args=(connection,), daemon=True).start()
        except RuntimeError:  # no memory is left for another stack
            os.close(stdin)
            os.close(stdout)
            self._end(connection, Failure(code="GUEST_GONE", message="There is no room for another connection."))

    def _bury(self) -> None:
        while self._ended:
            connection = self._ended.popleft()
            del self._open[connection.number]
            with suppress(KeyError):  # nobody read it any longer, and it was forgotten then
                self._poll.unregister(connection.watched)
            os.close(connection.watched)

    def _abandon(self, descriptor: int) -> None:
        """Nobody reads what this connection's guest writes: it has a moment to notice, then it is stopped."""
        self._poll.unregister(descriptor)
        for connection in self._open.values():
            if connection.watched == descriptor:
                timer = Timer(_GRACE, connection.engine.increment_epoch)
                timer.daemon = True
                timer.start()

    @property
    def _http(self) -> Http | None:
        return self._shared.ask if self._situation.launch.http_request else None

    def _serve(self, connection: _Connection) -> None:
        failure: Failure | None = None
        try:
            self._run(connection)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            failure = how_it_ended(error).failure
            if failure is not None:
                print(failure.message, *failure.frames, sep="\n  ", file=sys.stderr)  # the service's log
        finally:
            self._end(connection, failure)

    def _end(self, connection: _Connection, failure: Failure | None) -> None:
        self._ended.append(connection)
        os.eventfd_write(self._wake, 1)
        self._situation.say(Closed(connection=connection.number, failure=failure))

    def _run(self, connection: _Connection) -> None:
        situation = self._situation
        streams = (connection.stdin, connection.stdout)
        try:
            stdin, stdout = (f"/proc/self/fd/{each}" for each in streams)
            config = wasi.launched(situation.launch, stdin=stdin, stdout=stdout, stderr=STDERR)
        finally:
            for each in streams:
                os.close(each)
        module = wasmtime.Module.deserialize_file(connection.engine, f"/proc/self/fd/{situation.code_copy}")
        pre = prepare(connection.engine, module, situation.bindings, self._http)
        with situation.io.store(connection.engine, situation.launch) as store:
            store.set_wasi(config)
            situation.bindings.instantiate(pre, store).call("_start")


def copy_code(compiled: Path) -> int:
    """Machine code in memory, so that every connection's engine can load it behind the walls."""
    with compiled.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        copy = os.memfd_create("code", os.MFD_CLOEXEC)
        while os.fstat(copy).st_size < size and os.sendfile(copy, file.fileno(), None, size):
            pass
    return copy
