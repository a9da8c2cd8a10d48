"""wasi:cli, clocks and random for components; wasi:filesystem only so far as to say that there is nothing."""

import os
import time
from collections.abc import Callable
from types import SimpleNamespace

import wasmtime
from wasmtime.component import Variant

from runtime.wasm.guest.component_io import PIECE_MOST, InputStream, OutputStream, Timer
from runtime.wasm.guest.component_resources import Interface, Resource
from runtime.wasm.launch import Launch

Write = Callable[[bytes], None]
_SECOND = 1_000_000_000


class _TerminalInput(Resource):
    kind = 20


class _TerminalOutput(Resource):
    kind = 21


def system(launch: Launch, stdout: Write, stderr: Write) -> tuple[Interface, ...]:
    """The interfaces, for one guest."""
    environment = list(launch.environment.items())
    arguments = list(launch.argv or (launch.service,))
    return (
        Interface(
            "wasi:cli/environment",
            {
                "get-environment": lambda: environment,
                "get-arguments": lambda: arguments,
                "initial-cwd": lambda: None,
            },
        ),
        Interface("wasi:cli/exit", {"exit": _exit, "exit-with-code": _exit_with_code}),
        Interface("wasi:cli/stdin", {"get-stdin": lambda: InputStream(b"")}),
        Interface("wasi:cli/stdout", {"get-stdout": lambda: OutputStream(stdout)}),
        Interface("wasi:cli/stderr", {"get-stderr": lambda: OutputStream(stderr)}),
        Interface("wasi:cli/terminal-input", {}, {"terminal-input": _TerminalInput}),
        Interface("wasi:cli/terminal-output", {}, {"terminal-output": _TerminalOutput}),
        Interface("wasi:cli/terminal-stdin", {"get-terminal-stdin": lambda: None}),
        Interface("wasi:cli/terminal-stdout", {"get-terminal-stdout": lambda: None}),
        Interface("wasi:cli/terminal-stderr", {"get-terminal-stderr": lambda: None}),
        Interface("wasi:filesystem/preopens", {"get-directories": list}),
        *_CLOCKS,
        *_RANDOM,
    )


def _exit(status: Variant) -> None:
    _exit_with_code(0 if status.tag == "ok" else 1)


def _exit_with_code(code: int) -> None:
    raise wasmtime.WasmtimeError(f"the component ended itself with code {code}")


def _now() -> SimpleNamespace:
    seconds, nanoseconds = divmod(time.time_ns(), _SECOND)
    return SimpleNamespace(seconds=seconds, nanoseconds=nanoseconds)


def _bytes(count: int) -> bytes:
    if count > PIECE_MOST:
        raise wasmtime.WasmtimeError(f"the component asked for {count} random bytes at once; {PIECE_MOST} are the most")
    return os.urandom(count)


def _number() -> int:
    return int.from_bytes(os.urandom(8), "little")


_CLOCKS = (
    Interface(
        "wasi:clocks/monotonic-clock",
        {
            "now": time.monotonic_ns,
            "resolution": lambda: 1,
            "subscribe-instant": lambda when: Timer(when / _SECOND),
            "subscribe-duration": lambda span: Timer(time.monotonic() + span / _SECOND),
        },
    ),
    Interface(
        "wasi:clocks/wall-clock",
        {"now": _now, "resolution": lambda: SimpleNamespace(seconds=0, nanoseconds=1)},
    ),
)
_RANDOM = (
    Interface("wasi:random/random", {"get-random-bytes": _bytes, "get-random-u64": _number}),
    Interface("wasi:random/insecure", {"get-insecure-random-bytes": _bytes, "get-insecure-random-u64": _number}),
    Interface("wasi:random/insecure-seed", {"insecure-seed": lambda: (_number(), _number())}),
)
