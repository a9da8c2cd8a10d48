"""Prepared: a revision of a service whose module is compiled and whose volumes are there: replicas can be launched."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from runtime.daemon.spec import ServiceSpec
from runtime.forms.workload import HealthCheck, ModuleType
from runtime.wasm.launch import Launch, Outgoing, Replica
from runtime.wasm.modules.function_section import Function

OutgoingFor = Callable[[Callable[[], Replica | None]], Outgoing]
"""Makes what carries out one replica's requests; it is given what tells the replica, once there is one."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica of one revision is launched with.

    `launch` lacks the instance. `timeout` bounds one request in seconds; `cpu` is in cores. `outgoing` carries out what
    guests ask for with `fabric.http_request`; None: they may not. `notes` are told in the service's log.
    `functions` are what it declares to export.
    """

    kind: ModuleType
    launch: Launch
    timeout: float
    cpu: float
    health_check: HealthCheck | None = None
    outgoing: OutgoingFor | None = None
    notes: tuple[str, ...] = ()
    functions: tuple[Function, ...] = ()

    def for_instance(self, instance: str) -> Launch:
        """What one replica is launched with."""
        return msgspec.structs.replace(self.launch, instance=instance)


class Preparer(Protocol):
    """Makes services ready to launch, and cleans up behind them."""

    async def name_of(self, reference: str) -> str:
        """A service name made of the stored module's. Raises NotFound MODULE_NOT_FOUND."""
        ...

    async def check(self, spec: ServiceSpec) -> ModuleType:
        """What can be said at once, and the type it comes to. Raises NotFound MODULE_NOT_FOUND, Forbidden FORBIDDEN."""
        ...

    async def prepare(self, service_id: str, spec: ServiceSpec) -> Prepared:
        """Compile the module, take the volumes. Raises FabricError: MODULE_NOT_FOUND, BUILD_FAILED and others."""
        ...

    def release(self, service_id: str, keep: ServiceSpec | None = None) -> None:
        """No replica runs any more that needs its volumes, but for those of `keep`."""
        ...

    async def forget(self, service_id: str) -> None:
        """The service is deleted: remove what was its own."""
        ...
