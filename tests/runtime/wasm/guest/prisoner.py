"""Run as `python -m`: goes behind a worker's walls, tries to get out, and prints what came of it as JSON.

Arguments: a folder with `read` and `write`, a user or nothing, and system calls to try, as JSON.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from runtime.wasm.guest import identity, landlock, limits, seccomp
from runtime.wasm.launch import Abi, Launch, Mount

LIBC = ctypes.CDLL(None, use_errno=True)


def call(number: int) -> str:
    ctypes.set_errno(0)
    if LIBC.syscall(number, 0, 0, 0, 0, 0) >= 0:
        return "done"
    return errno.errorcode.get(ctypes.get_errno(), "?")


def attempt(what: Callable[[], object]) -> str:
    try:
        what()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")
    except MemoryError:
        return "ENOMEM"
    except ValueError:  # by which `resource` says EPERM
        return "EPERM"
    return "done"


def start_a_thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def attempts(folder: Path) -> dict[str, Callable[[], object]]:
    read, write = folder / "read", folder / "write"
    return {
        "inet socket": socket.socket,
        "unix socket": lambda: socket.socket(socket.AF_UNIX),
        "fork": os.fork,
        "execve": lambda: os.execv("/bin/true", ["true"]),
        "kill the parent": lambda: os.kill(os.getppid(), 0),
        "pidfd of the parent": lambda: os.pidfd_open(os.getppid()),
        "read /etc/passwd": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "list /": lambda: list(Path("/").iterdir()),
        "read another's memory": lambda: os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY),
        "write beside the mount": lambda: (folder / "beside").write_text("x"),
        "read in the mount": (read / "file").read_text,
        "write in the read-only mount": lambda: (read / "file").write_text("x"),
        "write in the mount": lambda: (write / "file").write_text("x"),
        "make a directory there": (write / "deeper").mkdir,
        "move there": lambda: (write / "file").rename(write / "deeper" / "file"),
        "link out of the mount": lambda: os.link(read / "file", write / "link"),
        "a large file": lambda: (write / "large").write_bytes(bytes(200_000)),
        "chmod": lambda: write.chmod(0o777),
        "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096)),
        "much memory": lambda: bytes(1 << 30),
        "become root": lambda: os.setuid(0),
        "a thread": start_a_thread,
        "random": lambda: os.urandom(4),
        "a memory file": lambda: os.write(os.memfd_create("m"), b"x"),
        "a pipe opened anew": lambda: os.open(f"/proc/self/fd/{os.pipe()[1]}", os.O_WRONLY),
        "raise for itself": lambda: signal.raise_signal(signal.SIGWINCH),
        "many files": lambda: [os.dup(1) for _ in range(600)],
    }


def main() -> None:
    folder, user, calls = Path(sys.argv[1]), sys.argv[2] or None, json.loads(sys.argv[3])
    mounts = (Mount(host=folder / "read", guest="/read"), Mount(host=folder / "write", guest="/write", writable=True))
    limits.limit(
        Launch(service="s", instance="i", abi=Abi.REACTOR, compiled=folder, memory=64 << 20, file_bytes=100_000)
    )
    identity.give_up_privileges(user, (1, 2))
    walls = {"landlock": landlock.wall_off(mounts), "seccomp": seccomp.wall_off()}
    outcomes = {name: attempt(what) for name, what in attempts(folder).items()}
    outcomes |= {name: call(number) for name, number in calls.items()}
    print(json.dumps([walls, os.getuid(), outcomes]))


main()
