"""Telling: the daemon in numbers and words, as `GET /v1/daemon/info` and `/stats` show it."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from catalog.jsonvalue import Json
from runtime.clock import rfc3339
from runtime.daemon.chronicle import Sample
from runtime.forms.scalars import print_bytes, print_duration

if TYPE_CHECKING:
    from runtime.daemon.daemon import Daemon

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """All services together: how many in which state, bytes of guests' memory, cores, requests answered."""

    states: dict[str, int]
    memory: int
    cpu: float
    requests: int


def info(daemon: "Daemon") -> Json:
    """What it is, since when it runs and where its files are."""
    machine = platform.machine()
    config = daemon.config
    return {
        "version": daemon.version,
        "api_version": config.api.version,
        "runtime": f"wasmtime {version('wasmtime')}",
        "platform": f"{platform.system().lower()}/{_MACHINES.get(machine, machine)}",
        "started_at": rfc3339(daemon.started_ns),
        "uptime": print_duration(int(daemon.uptime)) if daemon.uptime >= 1 else "0s",
        "config": {
            "socket": str(config.daemon.socket),
            "data_dir": str(config.daemon.data_dir),
            "max_services": config.resources.max_services,
        },
        "process": {
            "pid": os.getpid(),
            "memory_bytes": resident_bytes(),
            "cpu_seconds": round(time.process_time(), 3),
        },
    }


def totals(daemon: "Daemon") -> Totals:
    """Added up over all services, as they are now."""
    states: dict[str, int] = {}
    memory, cpu, requests = 0, 0.0, 0
    for service in daemon.services.list():
        states[service.state] = states.get(service.state, 0) + 1
        stats = daemon.services.stats(service.id)
        memory += stats.memory_usage
        cpu += stats.cpu_usage
        requests += stats.requests
    return Totals(states=states, memory=memory, cpu=cpu, requests=requests)


def sample(daemon: "Daemon") -> Sample:
    """The same, for the chronicle."""
    found = totals(daemon)
    return Sample(
        time_ns=daemon.clock.now_ns(),
        memory=found.memory,
        cpu=round(found.cpu, 3),
        running=found.states.get("running", 0),
        requests=found.requests,
    )


def stats(daemon: "Daemon") -> Json:
    """What there is and what it uses; limits are those of admission."""
    found, resources = totals(daemon), daemon.config.resources
    volumes = daemon.volumes.list()
    return {
        "services": {
            "total": sum(found.states.values()),
            **{state: found.states.get(state, 0) for state in ("running", "stopped", "failed")},
        },
        "networks": {"total": len(daemon.networks.list())},
        "volumes": {"total": len(volumes), "size": print_bytes(sum(each.spec.size for each in volumes))},
        "resources": {
            "memory": {"used": print_bytes(found.memory), "limit": print_bytes(resources.max_memory_total)},
            "cpu": {"used": round(found.cpu, 2), "limit": resources.max_cpu_total},
        },
    }


def resident_bytes() -> int:
    """Memory of this process, workers not counted."""
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * _PAGE
