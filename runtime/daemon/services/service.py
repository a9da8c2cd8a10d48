"""Service: one service, as it is wanted and as it is. What it does is in `supervisor`."""

from typing import Protocol

from runtime.daemon.services.records import Counts, Health, Instance, Revision, ServiceState
from runtime.daemon.spec import HealthCheck, ModuleType, RestartPolicy, ServiceSpec
from runtime.wasm.launch import Abi


class Service(Protocol):
    """A service as the API sees it; always up to date, and no copy."""

    @property
    def id(self) -> str:
        """`<name>-<6>`, or `svc-<8 hex>`."""
        ...

    @property
    def name(self) -> str:
        """Its own, alone."""
        ...

    @property
    def spec(self) -> ServiceSpec:
        """As wanted now."""
        ...

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """The last ten, the one that holds last."""
        ...

    @property
    def revision(self) -> int:
        """The number of the one that holds."""
        ...

    @property
    def state(self) -> ServiceState:
        """In one word."""
        ...

    @property
    def degraded(self) -> bool:
        """Does it run with fewer ready replicas than wanted, with an unhealthy one, or without one of its ports?"""
        ...

    @property
    def reason(self) -> str | None:
        """Why it is pending, degraded or failed."""
        ...

    @property
    def health(self) -> Health:
        """Of all its replicas together."""
        ...

    @property
    def counts(self) -> Counts:
        """Replicas: desired, running, healthy."""
        ...

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Its replicas, by number."""
        ...

    @property
    def memory_limit(self) -> int:
        """Bytes one replica may use."""
        ...

    @property
    def cpu_limit(self) -> float:
        """Cores one replica may use."""
        ...

    @property
    def type(self) -> ModuleType | None:
        """What it is; None until its module is known."""
        ...

    @property
    def abi(self) -> Abi | None:
        """How its guests are spoken to; None until its module is compiled."""
        ...

    @property
    def health_check(self) -> HealthCheck | None:
        """Its own, or its module's."""
        ...

    @property
    def restart_policy(self) -> RestartPolicy:
        """Its own, or what holds for its type."""
        ...

    @property
    def created_at_ns(self) -> int:
        """When it was created."""
        ...

    @property
    def updated_at_ns(self) -> int:
        """When its specification, its replicas or what is wanted of it last changed."""
        ...
