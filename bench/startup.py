"""startup: a second start, from exec to the first 200 on /readyz, and the memory of the whole process tree then.

Floor: an interpreter that imports nothing, started in the same run.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from bench.server import Server
from bench.void import Void

ROUNDS = 5


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of Shows 5."""
    seconds, memory, bare = [], [], []
    with tempfile.TemporaryDirectory(prefix="fabric-bench-") as folder:
        running = Server(Path(folder))
        progress(f"first start: {running.start():.2f} s")
        running.stop()
        for number in range(ROUNDS):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True)
            bare.append(time.perf_counter() - began)
            seconds.append(running.start())
            memory.append(_pss(running))
            if running.stop() != 0:
                raise Void("the server did not stop cleanly")
            progress(f"round {number + 1}/{ROUNDS}: {seconds[-1]:.2f} s, {memory[-1]:.1f} MiB")
    return {
        "seconds": round(statistics.median(seconds), 3),
        "pss_mib": round(statistics.median(memory), 1),
        "bare_interpreter_seconds": round(statistics.median(bare), 3),
        "rounds": ROUNDS,
    }


def _pss(running: Server) -> float:
    if running.process is None:
        raise Void("the server is gone")
    root = psutil.Process(running.process.pid)
    tree = [root, *root.children(recursive=True)]
    return sum(each.memory_full_info().pss for each in tree) / 2**20
