"""A trap: from a request that crashes the guest to the next good answer."""

import http.client
import statistics
import time
from collections.abc import Callable

from bench.services.daemon import Daemon, first_answer
from bench.void import Void

ROUNDS = 20


def measure(running: Daemon, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`trap_to_answer_ms`: the median of 20, from the 502 to the next 200."""
    url = running.served("trapped", running.add_module("hello"))
    port = int(url.rsplit(":", 1)[1])
    times = []
    for _ in range(ROUNDS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/crash")
        status = connection.getresponse().status
        connection.close()
        if status != 502:
            raise Void(f"a crash answered {status}")
        began = time.perf_counter()
        times.append(first_answer(port) - began)
    progress(f"trap: {statistics.median(times) * 1000:.2f} ms to the next answer")
    return {"trap_to_answer_ms": round(statistics.median(times) * 1000, 2)}
