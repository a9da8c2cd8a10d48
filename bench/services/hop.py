"""The hop: a warm C guest behind its port, against the same handler in plain Sanic; one replica against two.

Stats, network and policy checks and logs are on, as they always are. Floor: plain Sanic, one process, no hardening.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.load import ceiling, check_ceiling, free_port, wrk
from bench.services.daemon import Daemon, first_answer

ROUNDS = 5
SECONDS = 3.0
BODY = '{"order": 4711, "customer": "ada", "items": [1, 2, 3], "note": "' + "x" * 165 + '"}'
HEADERS = {"Content-Type": "application/json"}


def measure(running: Daemon, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The hop's figures. `warm_overhead_of_hop` = (1/guest - 1/plain) x plain, in requests a second."""
    top = ceiling()
    hello = running.add_module("hello")
    one = running.served("one", hello) + "/echo"
    two = running.served("two", hello, replicas=2) + "/echo"
    rates: dict[str, list[float]] = {"plain": [], "one": [], "two": []}
    with plain_sanic() as plain:
        places = {"plain": plain, "one": one, "two": two}
        for url in places.values():
            wrk(url, 1.0, headers=HEADERS, body=BODY)
        for number in range(ROUNDS):
            for name, url in places.items():
                rates[name].append(wrk(url, SECONDS, headers=HEADERS, body=BODY))
            told = ", ".join(f"{name} {each[-1]:,.0f}/s" for name, each in rates.items())
            progress(f"hop {number + 1}/{ROUNDS}: {told}")
    middle = {name: statistics.median(each) for name, each in rates.items()}
    check_ceiling(middle["plain"], top)
    overhead = statistics.median(
        (1 / guest - 1 / plain) * plain for guest, plain in zip(rates["one"], rates["plain"], strict=True)
    )
    return {
        "warm_overhead_of_hop": round(overhead, 3),
        "guest_per_second": round(middle["one"]),
        "guest_two_replicas_per_second": round(middle["two"]),
        "plain_sanic_per_second": round(middle["plain"]),
        "ceiling_per_second": round(top),
        "connections": 32,
        "body_bytes": len(BODY),
    }


@contextmanager
def plain_sanic() -> Iterator[str]:
    """The same handler in plain Sanic, in a process of its own."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.services.plain", str(port)])
    try:
        first_answer(port)
        yield f"http://127.0.0.1:{port}/echo"
    finally:
        process.kill()
        process.wait()
