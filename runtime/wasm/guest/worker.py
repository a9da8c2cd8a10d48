"""A worker, from its fork to its end: descriptors, limits and walls, then two threads.

The main thread waits for control; the guest's thread does everything else. The process ends by `os._exit` only: there
is nothing to be taken down that the kernel does not take down.
"""

import fcntl
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import wasmtime
from wasmtime.component import Component

from runtime.wasm.guest import limits, serving
from runtime.wasm.guest.bindings import Bindings
from runtime.wasm.guest.reactor import ReactorGuest
from runtime.wasm.guest.requests import RequestSocket
from runtime.wasm.guest.situation import Situation
from runtime.wasm.guest.turns import Turns
from runtime.wasm.launch import Abi, Launch
from runtime.wasm.lifeline import die_with_parent
from runtime.wasm.wire import (
    MESSAGE_MOST,
    Connect,
    Failure,
    Interrupt,
    Ready,
    Unfit,
    decode_launch,
    decode_to_worker,
    encode,
)

_REQUESTS, _CONTROL = 3, 4
_BROKEN = 70
"""Exit code of a worker that failed by itself."""


def become_worker(
    descriptors: list[int],
    engines: dict[bool, wasmtime.Engine],
    bindings: Bindings,
    parent: int,
) -> NoReturn:
    """Called in the fork; `descriptors` as `wire.Fork` lists them; `engines` by "is it a component?"."""
    try:
        launch = _take_over(descriptors)
        control = socket.socket(fileno=_CONTROL)
        try:
            situation = _settle(launch, control, engines, bindings, parent)
        except (wasmtime.WasmtimeError, OSError, LookupError) as error:
            failure = Failure(code="RUNTIME_ERROR", message=f"The worker could not be set up: {error}.")
            control.sendall(encode(Unfit(failure=failure)))
            os._exit(_BROKEN)
        threading.stack_size(limits.STACK)
        threading.Thread(target=_run_guest, args=(situation,), daemon=True).start()
        _obey(situation)
    finally:  # also for what nobody foresaw: a fork must never go back into the zygote's loop
        with suppress(OSError):
            traceback.print_exc()
        os._exit(_BROKEN)


def _take_over(descriptors: list[int]) -> Launch:
    """Make our five descriptors the only ones: 1 and 2 for the log, 3 requests, 4 control. Read what to launch."""
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in descriptors]
    requests, control, stdout, stderr, document = high
    null = os.open(os.devnull, os.O_RDWR)
    for source, target in ((null, 0), (stdout, 1), (stderr, 2), (requests, _REQUESTS), (control, _CONTROL)):
        os.dup2(source, target, inheritable=False)
    data = os.pread(document, os.fstat(document).st_size, 0)
    os.closerange(_CONTROL + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    return decode_launch(data)


def _settle(
    launch: Launch, control: socket.socket, engines: dict[bool, wasmtime.Engine], bindings: Bindings, parent: int
) -> Situation:
    engine = engines[launch.abi is Abi.COMPONENT]
    kind = Component if launch.abi is Abi.COMPONENT else wasmtime.Module
    code = kind.deserialize_file(engine, str(launch.compiled))
    os.setpgid(0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    die_with_parent(parent)
    limits.limit(launch)
    turns = Turns(engine)
    return Situation(
        launch=launch,
        engine=engine,
        code=code,
        bindings=bindings,
        turns=turns,
        requests=RequestSocket(socket.socket(fileno=_REQUESTS), turns),
        control=control,
        ready=Ready(seccomp=False, landlock=False, fast=False),
    )


def _run_guest(situation: Situation) -> NoReturn:
    try:
        match situation.launch.abi:
            case Abi.REACTOR:
                serving.serve(situation, lambda: ReactorGuest(situation.bindings))
            case other:
                raise NotImplementedError(other)
    finally:
        with suppress(OSError):
            traceback.print_exc()
        os._exit(_BROKEN)


def _obey(situation: Situation) -> NoReturn:
    """Do as the daemon says until it is gone."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(situation.control, MESSAGE_MOST, 2)
        if not data:
            os.kill(os.getpid(), signal.SIGKILL)
        message = decode_to_worker(data)
        if isinstance(message, Interrupt):
            situation.turns.interrupt(message.request)
        elif isinstance(message, Connect):
            print(descriptors, file=sys.stderr)
