"""Hostile modules that are made, not written: one that is dear to compile, and one for each import to try."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TYPES = {"i": b"\x7f", "I": b"\x7e"}
_CONSTANTS = {"i": b"\x41", "I": b"\x42"}
_GET, _SET, _ADD, _LOOP, _BRANCH_IF, _END, _CALL, _DROP = (
    bytes((code,)) for code in b"\x20\x21\x6a\x03\x0d\x0b\x10\x1a"
)
_VOID, _I32 = b"\x40", b"\x7f"

WASI = "wasi_snapshot_preview1"
ANSWER_AT = 16
"""Where an importing module's answer lies: a head of 9 bytes, then the import's result as u32."""


class Import(NamedTuple):
    """An import and how it is called: a letter a parameter (i: i32, I: i64), the values, whether it returns an i32."""

    module: str
    name: str
    parameters: str
    values: tuple[int, ...]
    returns: bool = True


def _wasi(name: str, parameters: str, *values: int, returns: bool = True) -> Import:
    return Import(WASI, name, parameters, values, returns)


FREE = (
    _wasi("args_sizes_get", "ii", 64, 68),
    _wasi("args_get", "ii", 64, 128),
    _wasi("environ_sizes_get", "ii", 64, 68),
    _wasi("environ_get", "ii", 64, 128),
    _wasi("clock_res_get", "ii", 0, 64),
    _wasi("clock_time_get", "iIi", 0, 0, 64),
    _wasi("random_get", "ii", 64, 8),
    _wasi("sched_yield", ""),
)
"""What every guest may call: it finds nothing there, or nothing of anybody's."""

REFUSED = (
    _wasi("fd_advise", "iIIi", 3, 0, 0, 0),
    _wasi("fd_allocate", "iII", 3, 0, 64),
    _wasi("fd_close", "i", 3),
    _wasi("fd_datasync", "i", 3),
    _wasi("fd_fdstat_get", "ii", 3, 64),
    _wasi("fd_fdstat_set_flags", "ii", 3, 0),
    _wasi("fd_filestat_get", "ii", 3, 64),
    _wasi("fd_filestat_set_size", "iI", 3, 0),
    _wasi("fd_filestat_set_times", "iIIi", 3, 0, 0, 0),
    _wasi("fd_pread", "iiiIi", 3, 64, 1, 0, 128),
    _wasi("fd_prestat_get", "ii", 3, 64),
    _wasi("fd_prestat_dir_name", "iii", 3, 64, 8),
    _wasi("fd_pwrite", "iiiIi", 3, 64, 1, 0, 128),
    _wasi("fd_read", "iiii", 3, 64, 1, 128),
    _wasi("fd_readdir", "iiiIi", 3, 256, 64, 0, 128),
    _wasi("fd_renumber", "ii", 3, 4),
    _wasi("fd_seek", "iIii", 3, 0, 0, 64),
    _wasi("fd_sync", "i", 3),
    _wasi("fd_tell", "ii", 3, 64),
    _wasi("fd_write", "iiii", 3, 64, 1, 128),
    _wasi("path_create_directory", "iii", 3, 512, 11),
    _wasi("path_filestat_get", "iiiii", 3, 0, 512, 11, 64),
    _wasi("path_filestat_set_times", "iiiiIIi", 3, 0, 512, 11, 0, 0, 0),
    _wasi("path_link", "iiiiiii", 3, 0, 512, 11, 3, 520, 3),
    _wasi("path_open", "iiiiiIIii", 3, 0, 512, 11, 0, 2, 0, 0, 64),
    _wasi("path_readlink", "iiiiii", 3, 512, 11, 64, 64, 128),
    _wasi("path_remove_directory", "iii", 3, 512, 11),
    _wasi("path_rename", "iiiiii", 3, 512, 11, 3, 520, 3),
    _wasi("path_symlink", "iiiii", 512, 11, 3, 520, 3),
    _wasi("path_unlink_file", "iii", 3, 512, 11),
    _wasi("sock_accept", "iii", 3, 0, 64),
    _wasi("sock_recv", "iiiiii", 3, 64, 1, 0, 128, 132),
    _wasi("sock_send", "iiiii", 3, 64, 1, 0, 128),
    _wasi("sock_shutdown", "ii", 3, 3),
)
"""What asks for a file, a directory or a socket by descriptor 3, the first that could be one: an errno comes back."""

UNKNOWN = (
    Import("fabric", "http_request", "iiii", (64, 0, 128, 64)),
    Import("fabric", "shell", "ii", (512, 11)),
    _wasi("sock_open", "iii", 1, 1, 64),
    _wasi("sock_connect", "iii", 3, 64, 80),
    _wasi("proc_spawn", "ii", 512, 11),
    _wasi("thread_spawn", "i", 0),
    Import("wasi", "thread-spawn", "i", (0,)),
    Import("wasi_unstable", "path_open", "iiiiiIIii", (3, 0, 512, 11, 0, 2, 0, 0, 64)),
    Import("wasix_32v1", "sock_open", "iiii", (1, 1, 6, 64)),
    Import("env", "system", "i", (512,)),
    Import("env", "dlopen", "ii", (512, 0)),
    Import("host", "call", "ii", (512, 11)),
    Import("wasi:sockets/tcp@0.2.0", "[method]tcp-socket.start-connect", "ii", (0, 0)),
    Import("wasi:http/outgoing-handler@0.2.0", "handle", "iiii", (0, 0, 0, 64)),
)
"""What no module gets that was not granted it: it does not start."""


def importing(tried: Import) -> bytes:
    """A reactor that calls this import at each request, and answers with what it returned (0 if it returns nothing)."""
    result = "i" if tried.returns else ""
    types = [_type(tried.parameters, result), _type("i", "i"), _type("ii", ""), _type("ii", "I")]
    imports = _text(tried.module) + _text(tried.name) + b"\0" + _number(0)
    exports = [_text("memory") + b"\2\0"]
    exports += [
        _text(name) + b"\0" + _number(1 + at) for at, name in enumerate(("fabric_alloc", "fabric_free", "handle"))
    ]
    call = b"".join(_constant(kind, value) for kind, value in zip(tried.parameters, tried.values, strict=True))
    call += _CALL + _number(0)
    stored = _constant("i", ANSWER_AT + 9) + (call if tried.returns else call + _constant("i", 0)) + b"\x36\2\0"
    bodies = [_constant("i", 1024), b"", stored + _constant("I", ANSWER_AT << 32 | 13)]
    data = {ANSWER_AT: b"\1\xc8\0\0\0\4\0\0\0", 64: b"\0\2\0\0\x10\0\0\0", 512: b"/etc/passwd"}
    return b"\0asm\1\0\0\0" + b"".join(
        (
            _section(1, types),
            _section(2, [imports]),
            _section(3, [_number(1), _number(2), _number(3)]),
            _section(5, [b"\0\1"]),
            _section(7, exports),
            _section(10, [_sized(b"\0" + body + _END) for body in bodies]),
            _section(11, [b"\0" + _constant("i", at) + _END + _sized(part) for at, part in data.items()]),
        )
    )


def compile_bomb(variables: int = 5000, loops: int = 400, functions: int = 1) -> bytes:
    """A small module that is dear to compile: every loop has to bring every variable along. Minutes as it stands."""
    number = [_number(1 + at) for at in range(variables)]
    steps = (
        _GET + here + _GET + there + _ADD + _SET + here
        for here, there in zip(number, number[1:] + number[:1], strict=True)
    )
    body = _number(1) + _number(variables) + _I32 + (_LOOP + _VOID) * loops + b"".join(steps)
    body += (_GET + b"\0" + _BRANCH_IF + b"\0" + _END) * loops + _GET + b"\0" + _END
    kinds = _section(1, [_type("i", "i")]) + _section(3, [_number(0)] * functions)
    return b"\0asm\1\0\0\0" + kinds + _section(10, [_sized(body)] * functions)


def _number(value: int) -> bytes:
    coded = bytearray()
    while value > 127:
        coded.append(value & 127 | 128)
        value >>= 7
    return bytes(coded) + bytes((value,))


def _constant(kind: str, value: int) -> bytes:
    coded = bytearray()
    while not -64 <= value < 64:
        coded.append(value & 127 | 128)
        value >>= 7
    return _CONSTANTS[kind] + bytes(coded) + bytes((value & 127,))


def _sized(part: bytes) -> bytes:
    return _number(len(part)) + part


def _text(text: str) -> bytes:
    return _sized(text.encode())


def _type(parameters: str, results: str) -> bytes:
    lists = (b"".join(_TYPES[each] for each in kinds) for kinds in (parameters, results))
    return b"\x60" + b"".join(_number(len(kinds)) + kinds for kinds in lists)


def _section(kind: int, parts: Iterable[bytes]) -> bytes:
    listed = list(parts)
    return bytes((kind,)) + _sized(_number(len(listed)) + b"".join(listed))


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(compile_bomb())
