"""Ports: what a deployment asks of services and of volumes."""

from collections.abc import Sequence
from typing import Protocol

from runtime.daemon.services import Service
from runtime.daemon.spec import ServiceSpec, VolumeSpec


class Fleet(Protocol):
    """Services, as `runtime.daemon.services.Services` has them."""

    def list(self) -> Sequence[Service]:
        """All of them."""
        ...

    async def create(self, spec: ServiceSpec) -> Service:
        """Keep a new one and begin to start it."""
        ...

    async def replace(self, id_or_name: str, spec: ServiceSpec) -> Service:
        """Give one another specification of the same name."""
        ...

    async def start(self, id_or_name: str) -> Service:
        """Start one that is stopped or has failed."""
        ...

    async def restart(self, id_or_name: str, *, timeout: float) -> int:  # noqa: ASYNC109 - the guests' time
        """Replace its replicas."""
        ...

    async def delete(self, id_or_name: str, *, timeout: float) -> Service:  # noqa: ASYNC109 - the guests' time
        """Stop and forget it."""
        ...

    async def settled(self, id_or_name: str, wait: float) -> Service:
        """Wait at most `wait` seconds until it is as wanted, or will not be."""
        ...


class Store(Protocol):
    """A volume that is there."""

    @property
    def spec(self) -> VolumeSpec:
        """As it was wanted."""
        ...


class Stores(Protocol):
    """Volumes, as `runtime.daemon.volumes.Volumes` has them."""

    async def create(self, spec: VolumeSpec) -> Store:
        """Make one."""
        ...

    async def delete(self, id_or_name: str) -> object:
        """Remove one that nobody uses."""
        ...

    def find(self, id_or_name: str) -> Store | None:
        """One of that id or name, None where there is none."""
        ...

    def list(self) -> Sequence[Store]:
        """All of them."""
        ...
