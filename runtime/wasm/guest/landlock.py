"""A wall of files: a worker opens what is in its guest's mounts and nothing else, whatever becomes of wasmtime."""

import ctypes
import os
import platform
from collections.abc import Iterable
from struct import pack
from typing import Final

from runtime.wasm.launch import Mount

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_RIGHTS_OF_ABI: Final = ((1, 13), (2, 14), (3, 15), (5, 16))
"""From this version of Landlock on, it knows so many file rights."""
_WRITE: Final = (
    1 << 1  # write a file
    | 1 << 4  # remove a directory
    | 1 << 5  # remove a file
    | 1 << 7  # make a directory
    | 1 << 8  # make a file
    | 1 << 12  # make a symbolic link
    | 1 << 13  # move between directories
    | 1 << 14  # truncate
)
_NET_ABI, _SCOPE_ABI = 4, 6
_ALL_NET, _ALL_SCOPES = 3, 3
"""bind and connect by TCP; abstract Unix sockets and signals."""


def wall_off(mounts: Iterable[Mount]) -> bool:
    """Restrict this thread and all that it starts. False: the kernel has no Landlock.

    There must be no other thread yet. Raises OSError when a mount is not there.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)
    if abi < 1 or platform.machine() not in {"x86_64", "aarch64"}:
        return False
    known = (1 << max(bits for least, bits in _RIGHTS_OF_ABI if abi >= least)) - 1
    rules = pack("<QQQ", known, _ALL_NET if abi >= _NET_ABI else 0, _ALL_SCOPES if abi >= _SCOPE_ABI else 0)
    size = 24 if abi >= _SCOPE_ABI else 16 if abi >= _NET_ABI else 8
    ruleset = libc.syscall(_CREATE, rules, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    try:
        for mount in mounts:
            _allow(libc, ruleset, mount, known)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            return False
        return not libc.syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, mount: Mount, known: int) -> None:
    rights = (_READ_FILE | _READ_DIR | (_WRITE if mount.writable else 0)) & known
    directory = os.open(mount.host, os.O_PATH | os.O_CLOEXEC)
    try:
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, pack("<Qi", rights, directory), 0):
            raise OSError(ctypes.get_errno(), f"Landlock does not take {mount.host}")
    finally:
        os.close(directory)
