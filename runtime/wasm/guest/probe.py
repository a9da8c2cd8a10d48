"""Do the private bindings of `fast.py` work with this wasmtime? Tried in a fork, which may crash."""

import os
import select
import signal
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import wasmtime

from runtime.wasm.guest.answering import GuestIo, Nonsense, Overflow
from runtime.wasm.guest.bindings import choose
from runtime.wasm.guest.engines import engine
from runtime.wasm.guest.reactor import ReactorGuest
from runtime.wasm.launch import Abi, Launch
from runtime.wasm.settings import CORE

_PATIENCE = 10.0

_MODULE = """
(module
  (import "fabric" "http_request" (func $ask (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "fabric_alloc") (param i32) (result i32)
    (i32.mul (memory.grow (i32.const 2)) (i32.const 65536)))
  (func (export "fabric_free") (param i32 i32))
  (func (export "handle") (param i32 i32) (result i64)
    (if (i32.eq (local.get 1) (i32.const 3)) (then unreachable))
    (if (i32.eq (local.get 1) (i32.const 5)) (then (drop (i32.load (i32.const -8)))))
    (if (i32.eq (local.get 1) (i32.const 7)) (then (return (i64.const 0xFFFFFF0000000010))))
    (if (i32.eq (local.get 1) (i32.const 9)) (then (drop (memory.grow (i32.const 1000)))))
    (i64.extend_i32_u (call $ask (local.get 0) (local.get 1) (i32.const 0) (i32.const 1000)))))
"""
"""Has the host turn what it is asked into capitals. Three bytes trap; five load, seven answer from out of bounds.

Nine make the memory grow, which must not move it: the next request is written to where its room was before.
"""


def fast_bindings_work() -> bool:
    """Forks; call it before there is any thread. The child compiles and runs a module, this process does not."""
    child = os.fork()
    if not child:
        _try()
    pidfd = os.pidfd_open(child)
    try:
        if not select.select([pidfd], [], [], _PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
        return os.waitpid(child, 0)[1] == 0
    finally:
        os.close(pidfd)


def _try() -> NoReturn:
    try:
        os._exit(0 if version("wasmtime") == _known_version() and _is_right() else 1)
    finally:
        os._exit(2)


def _known_version() -> str:
    from runtime.wasm.guest.fast import VERSION  # noqa: PLC0415 (another version may not even import)

    return VERSION


def _is_right() -> bool:
    """Answers, growing memory, host calls, a trap, and a fault that the kernel reports."""
    answers = [_outcome(each) for each in (b"ping!!", b"x" * 70_000, b"ask", b"crash", b"outside")]
    return answers == [b"PING!!", "Overflow", "UNREACHABLE", "MEMORY_OUT_OF_BOUNDS", "Nonsense"]


def _outcome(request: bytes) -> bytes | str | None:
    made = engine(CORE)
    module = wasmtime.Module(made, _MODULE)
    launch = Launch(service="probe", instance="probe", abi=Abi.REACTOR, compiled=Path(os.devnull))
    guest = ReactorGuest(choose(fast=True))
    guest.start(launch, made, module, GuestIo(stdout=os.devnull, stderr=os.devnull, http=bytes.upper))
    guest.answer(b"grow grow")
    try:
        return guest.answer(request)
    except wasmtime.Trap as trap:
        return trap.trap_code.name if trap.trap_code is not None else None
    except (Nonsense, Overflow) as error:
        return type(error).__name__
