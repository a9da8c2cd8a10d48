"""What the kernel grants a worker, beyond what wasmtime grants its guest."""

import resource
from pathlib import Path

from runtime.wasm.guest.cgi_output import file_most
from runtime.wasm.launch import Abi, Launch
from runtime.wasm.wire import CONNECTIONS_MOST

STACK = 10 * 1024 * 1024
"""Bytes of stack of a thread that runs a guest: 2 MiB are wasm's, the rest is wasmtime's and Python's."""

_SLACK = 192 * 1024 * 1024
"""For copies of requests and answers, tables, and what Python and wasmtime use themselves."""
_SLACK_COMPONENT = 768 * 1024 * 1024
"""Components' byte lists are 32 bytes a byte on their way through wasmtime's C interface."""
_ADDRESSES = 2 * (4 * 1024**3 + 256 * 1024**2)
"""Address space of one linear memory with its guards, and of the one that replaces it."""
_FILES = 512


def limit(launch: Launch) -> None:
    """Set them. Memory is counted as writable pages; address space is wide, because memories reserve 4 GiB each."""
    used = _used()
    instances = CONNECTIONS_MOST if launch.abi is Abi.TCP else 1
    slack = _SLACK_COMPONENT if launch.abi is Abi.COMPONENT else _SLACK
    memories = 16 if launch.abi is Abi.COMPONENT else instances
    files = file_most(launch) if launch.abi is Abi.CGI else launch.file_bytes
    data = used["VmData"] + launch.memory + slack + instances * STACK
    limits = {
        resource.RLIMIT_DATA: data,
        resource.RLIMIT_AS: used["VmSize"] + data + memories * _ADDRESSES,
        resource.RLIMIT_FSIZE: files if files is not None else resource.RLIM_INFINITY,
        resource.RLIMIT_NOFILE: _FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for kind, most in limits.items():
        allowed = _least(most, resource.getrlimit(kind)[1])
        resource.setrlimit(kind, (allowed, allowed))


def _least(one: int, other: int) -> int:
    return min((each for each in (one, other) if each != resource.RLIM_INFINITY), default=resource.RLIM_INFINITY)


def _used() -> dict[str, int]:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    pairs = (line.split(":", 1) for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, value in pairs if name in {"VmData", "VmSize"}}
