"""A worker, from its fork to its end: descriptors, limits and walls, then two threads.

The main thread waits for control; the guest's thread does everything else. The process ends by `os._exit` only: there
is nothing to be taken down that the kernel does not take down.
"""

import fcntl
import os
import resource
import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec
import wasmtime
from wasmtime.component import Component

from runtime.wasm.guest import command, framed, identity, landlock, limits, seccomp, serving
from runtime.wasm.guest.bindings import Bindings
from runtime.wasm.guest.cgi import CgiGuest
from runtime.wasm.guest.reactor import ReactorGuest
from runtime.wasm.guest.requests import RequestSocket
from runtime.wasm.guest.situation import Situation
from runtime.wasm.guest.tcp import Connections, copy_code
from runtime.wasm.guest.traps import why_unfit
from runtime.wasm.guest.turns import Turns
from runtime.wasm.launch import Abi, Launch
from runtime.wasm.lifeline import die_with_parent
from runtime.wasm.wire import MESSAGE_MOST, Interrupt, Ready, Unfit, decode_launch, decode_to_worker, encode

_REQUESTS, _CONTROL = 3, 4
_BROKEN = 70
"""Exit code of a worker that failed by itself."""

Job = Callable[[], NoReturn]
Plan = Callable[[Situation], tuple[Job, Job]]
"""From a situation to what the guest's thread does and what the main thread does."""


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What every worker gets from the zygote; `engines` by "is it a component?"."""

    engines: Mapping[bool, wasmtime.Engine]
    bindings: Bindings
    fast: bool
    pid: int


def become_worker(descriptors: list[int], house: House) -> NoReturn:
    """Called in the fork; `descriptors` as `wire.Fork` lists them."""
    try:
        launch = _take_over(descriptors)
        control = socket.socket(fileno=_CONTROL)
        try:
            plan = _plan(launch.abi)
            situation = _settle(launch, control, house)
        except (wasmtime.WasmtimeError, OSError, LookupError) as error:
            control.sendall(encode(Unfit(failure=why_unfit(error))))
            os._exit(_BROKEN)
        guests, mains = plan(situation)
        threading.stack_size(limits.STACK)
        threading.Thread(target=_guarded, args=(guests,), daemon=True).start()
        mains()
    finally:  # also for what nobody foresaw: a fork must never go back into the zygote's loop
        _break_down()


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


def _settle(launch: Launch, control: socket.socket, house: House) -> Situation:
    """Load the module, and then build the walls: what comes after them is not trusted."""
    engine = house.engines[launch.abi is Abi.COMPONENT]
    code: wasmtime.Module | Component
    if launch.abi is Abi.COMPONENT:
        code = Component.deserialize_file(engine, str(launch.compiled))
    else:
        code = wasmtime.Module.deserialize_file(engine, str(launch.compiled))
    copy = copy_code(launch.compiled) if launch.abi is Abi.TCP else None
    os.setpgid(0, 0)
    with suppress(OSError):  # for those who look at processes: whose it is, and who goes first when memory is short
        Path("/proc/self/comm").write_text(launch.service, encoding="utf-8")
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    limits.limit(launch)
    identity.give_up_privileges(launch.user, (1, 2) if copy is None else (1, 2, copy))
    die_with_parent(house.pid)
    ready = Ready(
        landlock=launch.seccomp and landlock.wall_off(launch.mounts),
        seccomp=launch.seccomp and seccomp.wall_off(),
        fast=house.fast,
    )
    turns = Turns(engine)
    requests = RequestSocket(socket.socket(fileno=_REQUESTS), turns)
    return Situation(
        launch=launch,
        engine=engine,
        code=code,
        code_copy=copy,
        bindings=house.bindings,
        turns=turns,
        requests=requests,
        control=control,
        ready=ready,
    )


def _plan(abi: Abi) -> Plan:
    """What the threads will do. Its imports come before the walls."""
    match abi:
        case Abi.REACTOR:
            return _alone(lambda situation: serving.serve(situation, lambda: ReactorGuest(situation.bindings)))
        case Abi.CGI:
            return _alone(lambda situation: serving.serve(situation, lambda: CgiGuest(situation.bindings)))
        case Abi.COMPONENT:
            from runtime.wasm.guest.component import ComponentGuest  # noqa: PLC0415 (slow to import, seldom wanted)

            return _alone(lambda situation: serving.serve(situation, ComponentGuest))
        case Abi.FRAMED:
            return _alone(framed.run)
        case Abi.COMMAND:
            return _alone(command.run)
        case Abi.TCP:
            return _connections


def _alone(run: Callable[[Situation], NoReturn]) -> Plan:
    return lambda situation: (lambda: run(situation), lambda: _obey(situation))


def _connections(situation: Situation) -> tuple[Job, Job]:
    connections = Connections(situation)
    return connections.run, connections.obey


def _obey(situation: Situation) -> NoReturn:
    """Do as the daemon says until it is gone."""
    while data := situation.control.recv(MESSAGE_MOST):
        message = decode_to_worker(data)
        if isinstance(message, Interrupt):
            situation.turns.interrupt(message.request)
    os._exit(0)


def _guarded(job: Job) -> NoReturn:
    try:
        job()
    finally:
        _break_down()


def _break_down() -> NoReturn:
    with suppress(OSError):
        traceback.print_exc()
    os._exit(_BROKEN)
