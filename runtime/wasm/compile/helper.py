"""The compile helper: `python -m runtime.wasm.compile.helper` with a `Task` on stdin; writes machine code, then facts.

It answers on stdout with JSON, `Facts` or `Refusal`. Cranelift at work on a hostile module is as untrusted as the
module: little memory, little CPU, the lowest priority, no file beyond its two, and no life beyond the daemon's.
"""

import os
import resource
import sys
from pathlib import Path

import msgspec

from runtime.wasm.compile.machine_code import compile_module
from runtime.wasm.compile.task import Task
from runtime.wasm.guest import landlock, seccomp
from runtime.wasm.lifeline import die_with_parent


def _limit(task: Task) -> None:
    die_with_parent(task.parent)
    os.setpgid(0, 0)
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.nice(19)
    for kind, most in (
        (resource.RLIMIT_CPU, task.cpu),
        (resource.RLIMIT_DATA, task.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(kind, (most, most))


def main() -> None:
    """The process."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    _limit(task)
    data = Path(task.wasm).read_bytes()
    with Path(task.code).open("wb") as code:
        landlock.wall_off(())
        seccomp.wall_off()
        answer = compile_module(task, data, code)
        code.flush()
        os.fsync(code.fileno())
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.buffer.flush()
    os._exit(0)  # rayon's threads and a large module are not worth being taken down in order


if __name__ == "__main__":
    main()
