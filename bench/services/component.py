"""The slow path: an unmodified wasi:http component, hosted in Python, asked one request after another."""

import http.client
import statistics
import time
from collections.abc import Callable

from bench.services.daemon import Daemon
from bench.void import Void

REQUESTS = 200


def measure(running: Daemon, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`component_ms`: the median of 200 requests over one connection; `reactor_ms` the same for the C guest."""
    figures = {
        "component_ms": _one_by_one(running.served("component", running.add_module("riddles"))),
        "reactor_ms": _one_by_one(running.served("reactor", running.add_module("hello"))),
    }
    progress(f"component {figures['component_ms']} ms, reactor {figures['reactor_ms']} ms a request")
    return {**figures}


def _one_by_one(url: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", int(url.rsplit(":", 1)[1]), timeout=30)
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Void(f"the guest answered {answer.status}")
        times.append(time.perf_counter() - began)
    connection.close()
    return round(statistics.median(times) * 1000, 3)
