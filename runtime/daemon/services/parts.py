"""Parts: what services are made of, and what a supervisor asks of their registry."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from runtime.clock import Clock
from runtime.daemon.access import Access
from runtime.daemon.events import EventBus
from runtime.daemon.logs import LogBook
from runtime.daemon.services.admission import Limits
from runtime.daemon.services.prepared import Preparer
from runtime.daemon.services.records import Health
from runtime.daemon.timers import Timers
from runtime.daemon.traffic.router import Router
from runtime.forms.workload import HealthCheck
from runtime.state import StateStore
from runtime.wasm.launch import Launcher, Replica

if TYPE_CHECKING:
    from runtime.daemon.services.supervisor import Supervisor


class Watching(Protocol):
    """Somebody looks after a replica's health."""

    def stop(self) -> None:
        """Look no more."""
        ...


class Watcher(Protocol):
    """Looks after replicas' health; `runtime.daemon.health.Monitor` is one."""

    def watch(
        self, service_id: str, instance: str, replica: Replica, check: HealthCheck, told: Callable[[Health], None]
    ) -> Watching:
        """Probe a replica from now on; `told` hears every change."""
        ...

    def forget(self, service_id: str) -> None:
        """Drop a service's history."""
        ...


class Owner(Protocol):
    """What a supervisor asks of the registry."""

    def blocker(self, service: "Supervisor") -> str | None:
        """What the service still waits for before its first replica may start; None: nothing."""
        ...

    def changed(self, service: "Supervisor") -> None:
        """Something about the service may have changed."""
        ...

    def completed(self, service: "Supervisor") -> None:
        """All its replicas have done what they were there for."""
        ...


class Parts(msgspec.Struct, kw_only=True):
    """What is injected. `chance` gives a number between 0 and 1. `limits` may be exchanged at any time."""

    state: StateStore
    events: EventBus
    logs: LogBook
    launcher: Launcher
    preparer: Preparer
    router: Router
    watcher: Watcher
    clock: Clock
    timers: Timers
    limits: Limits
    access: Access
    chance: Callable[[], float] = random.random
