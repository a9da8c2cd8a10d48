"""A hundred services that nobody calls: CPU of daemon, zygote and workers together, over a minute.

The module brings a health check, which runs at the default interval: twenty probes a second in all.
"""

import time
from collections.abc import Callable

import psutil

from bench.services.daemon import Daemon
from bench.void import Void

SERVICES = 100
SECONDS = 60.0
SETTLE = 3.0
READY_SECONDS = 120.0


def measure(running: Daemon, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`idle_100_cpu_percent`: share of one core over 60 s; `replica_pss_mib`: the tree's PSS divided by 100."""
    module = running.add_module("greeter")
    for number in range(SERVICES):
        running.create(f"idle-{number}", module)
    _settled(running)
    progress(f"{SERVICES} services are up")
    time.sleep(SETTLE)
    began, before = time.perf_counter(), _cpu(running)
    time.sleep(SECONDS)
    percent = (_cpu(running) - before) / (time.perf_counter() - began) * 100
    progress(f"idle: {percent:.2f} % of a core")
    memory = _pss(running)
    return {
        "idle_100_cpu_percent": round(percent, 2),
        "idle_100_pss_mib": round(memory, 1),
        "replica_pss_mib": round(memory / SERVICES, 2),
    }


def _settled(running: Daemon) -> None:
    until = time.perf_counter() + READY_SECONDS
    while time.perf_counter() < until:
        if running.control.get("services", state="running")["total"] == SERVICES:
            return
        time.sleep(0.2)
    raise Void("the services did not come up")


def _cpu(running: Daemon) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in running.tree())


def _pss(running: Daemon) -> float:
    return sum(psutil.Process(each.pid).memory_full_info().pss for each in running.tree()) / 2**20
