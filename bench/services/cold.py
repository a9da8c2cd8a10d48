"""A cold start: from asking for a replica of a stopped service to its first 200. The module is compiled already.

Floor: an interpreter that imports nothing, started and ended in the same run.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from bench.load import free_port
from bench.services.daemon import Daemon, first_answer

ROUNDS = 20


def measure(running: Daemon, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`cold_start_ms` is the median of 20."""
    port = free_port()
    identity = running.create("cold", running.add_module("hello"), ports=[{"host": port, "container": 8080}])
    first_answer(port)
    times, bare = [], []
    for number in range(ROUNDS):
        running.control.post(f"services/{identity}/stop")
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        running.control.post(f"services/{identity}/start")
        times.append(first_answer(port) - began)
        progress(f"cold start {number + 1}/{ROUNDS}: {times[-1] * 1000:.1f} ms")
    return {
        "cold_start_ms": round(statistics.median(times) * 1000, 1),
        "cold_start_worst_ms": round(max(times) * 1000, 1),
        "bare_interpreter_ms": round(statistics.median(bare) * 1000, 1),
    }
