"""Daemon: all parts joined; what starts, recovers, reloads and stops them."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from runtime.daemon.clock import Clock, SystemClock, rfc3339
from runtime.daemon.scalars import print_duration

if TYPE_CHECKING:
    from catalog.jsonvalue import Json
    from runtime.daemon.config import DaemonConfig
    from runtime.daemon.events import EventBus
    from runtime.daemon.keys import ApiKeys
    from runtime.daemon.logs import LogBook
    from runtime.daemon.mortar import Mortar
    from runtime.daemon.networks import Networks
    from runtime.daemon.policies import Policies
    from runtime.daemon.services import Services
    from runtime.daemon.state import StateStore
    from runtime.daemon.traffic import Router
    from runtime.daemon.volumes import Volumes
    from runtime.wasm.modules import ModuleStore

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Daemon:
    """The services half of the process. `start` before anything else, `stop` at the end."""

    state: StateStore
    events: EventBus
    logs: LogBook
    keys: ApiKeys
    modules: ModuleStore
    networks: Networks
    policies: Policies
    volumes: Volumes
    services: Services
    router: Router
    mortar: Mortar

    def __init__(self, config: DaemonConfig, *, version: str, clock: Clock | None = None) -> None:
        self.config = config
        self.version = version
        self.clock = clock or SystemClock()
        self._started_ns = self.clock.now_ns()
        self._started = self.clock.monotonic()

    @property
    def uptime(self) -> float:
        """Seconds since start."""
        return self.clock.monotonic() - self._started

    def info(self) -> Json:
        """What `GET /v1/daemon/info` shows."""
        machine = platform.machine()
        return {
            "version": self.version,
            "api_version": self.config.api.version,
            "runtime": "wasmtime",
            "platform": f"{platform.system().lower()}/{_MACHINES.get(machine, machine)}",
            "started_at": rfc3339(self._started_ns),
            "uptime": print_duration(int(self.uptime)) if self.uptime >= 1 else "0s",
            "config": {
                "socket": str(self.config.daemon.socket),
                "data_dir": str(self.config.daemon.data_dir),
                "max_services": self.config.resources.max_services,
            },
        }
