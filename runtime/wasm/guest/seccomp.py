"""A wall of system calls: a worker reads, writes, waits and computes; it makes no connections, processes or mounts.

A classic BPF program. Calls that a worker needs are allowed; those that are known to do harm answer EPERM; anything
else answers ENOSYS, so that a newer libc falls back to an older call instead of taking a refusal for an answer.
"""

import ctypes
import errno
import os
import platform
from collections.abc import Callable, Mapping
from struct import pack
from typing import Final

from runtime.wasm.guest.syscalls import ALLOWED, HARMFUL, IOCTLS

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER_MODE = 22, 38, 2
_PR_SET_NAME, _PR_SET_VMA = 15, 0x53564D41
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCH = 0, 4
_X32 = 0x40000000
_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_ARCHES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

Program = list[tuple[int, int, int, int]]


def wall_off() -> bool:
    """Install the filter for this thread and all that it starts. False: no machine that we know, or it has no seccomp.

    There must be no other thread yet.
    """
    machine = platform.machine()
    if machine not in _ARCHES:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    program = _program(machine)
    code = ctypes.create_string_buffer(b"".join(pack("<HBBI", *each) for each in program))
    filter_ = ctypes.create_string_buffer(pack("@HP", len(program), ctypes.addressof(code)))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, filter_, 0, 0)


def _program(machine: str) -> Program:
    column = 0 if machine == "x86_64" else 1
    program: Program = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _ARCHES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for name, numbers in ALLOWED.items():
        number = numbers[column]
        if number is not None:
            rules = _CONDITIONS.get(name)
            program += _only_if(number, rules() if rules is not None else _RETURN_ALLOW)
    for numbers in HARMFUL.values():
        number = numbers[column]
        if number is not None:
            program += _only_if(number, _REFUSE)
    program.append((_RETURN, 0, 0, _ERRNO | errno.ENOSYS))
    return program


_RETURN_ALLOW: Final[Program] = [(_RETURN, 0, 0, _ALLOW)]
_REFUSE: Final[Program] = [(_RETURN, 0, 0, _ERRNO | errno.EPERM)]


def _only_if(number: int, then: Program) -> Program:
    return [(_EQUAL, 0, len(then), number), *then]


def _argument(place: int) -> int:
    """Where an argument's lower half is in struct seccomp_data, on a little-endian machine."""
    return 16 + 8 * place


def _thread_only() -> Program:
    return [(_LOAD, 0, 0, _argument(0)), (_ANY_BIT, 0, 1, _CLONE_THREAD), *_RETURN_ALLOW, *_REFUSE]


def _one_of(place: int, values: tuple[int, ...]) -> Program:
    program: Program = [(_LOAD, 0, 0, _argument(place))]
    for value in values:
        program += [(_EQUAL, 0, 1, value), *_RETURN_ALLOW]
    return [*program, *_REFUSE]


def _reads_own_limits() -> Program:
    """prlimit64(0, which, NULL, out): a worker that is root must not raise its own limits."""
    checks = [(_argument(0), 0), (_argument(0) + 4, 0), (_argument(2), 0), (_argument(2) + 4, 0)]
    program: Program = []
    for at, value in checks:
        program += [(_LOAD, 0, 0, at), (_EQUAL, 1, 0, value), *_REFUSE]
    return [*program, *_RETURN_ALLOW]


_CONDITIONS: Final[Mapping[str, Callable[[], Program]]] = {
    "clone": _thread_only,
    "ioctl": lambda: _one_of(1, IOCTLS),
    "prctl": lambda: _one_of(0, (_PR_SET_NAME, _PR_SET_VMA)),
    "prlimit64": _reads_own_limits,
    "tgkill": lambda: _one_of(0, (os.getpid(),)),
    "socketpair": lambda: _one_of(0, (_AF_UNIX,)),
}
