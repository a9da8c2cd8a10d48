"""A preparer without modules: every image is a module, unless a test says otherwise."""

import asyncio
from pathlib import Path

from catalog.errors import FabricError
from runtime.daemon.services.prepared import Prepared
from runtime.daemon.spec import ServiceSpec
from runtime.forms.workload import ModuleType
from runtime.wasm.launch import Abi, Launch

_ABIS: dict[ModuleType, Abi] = {"http": Abi.REACTOR, "tcp": Abi.TCP, "command": Abi.COMMAND}


class FakePreparer:
    """Implements runtime.daemon.services.prepared.Preparer. `failing` maps images to what is raised for them."""

    def __init__(self) -> None:
        self.failing: dict[str, FabricError] = {}
        self.held: set[str] = set()
        """Services whose volumes are taken."""
        self.forgotten: list[str] = []
        self.prepared = 0
        self.hold = asyncio.Event()
        self.hold.set()

    async def name_of(self, reference: str) -> str:
        """See Preparer."""
        return reference.removeprefix("wasm://").partition(":")[0]

    async def check(self, spec: ServiceSpec) -> ModuleType:
        """See Preparer."""
        return spec.type or "http"

    async def prepare(self, service_id: str, spec: ServiceSpec) -> Prepared:
        """See Preparer."""
        self.prepared += 1
        await self.hold.wait()
        if spec.image in self.failing:
            raise self.failing[spec.image]
        self.held.add(service_id)
        kind = spec.type or "http"
        launch = Launch(
            service=service_id,
            instance="",
            abi=_ABIS[kind],
            compiled=Path("/nowhere"),
            environment=spec.environment,
            memory=spec.resources.memory or 1 << 20,
        )
        return Prepared(
            kind=kind, launch=launch, timeout=30.0, cpu=spec.resources.cpu or 1.0, health_check=spec.health_check
        )

    def release(self, service_id: str, keep: ServiceSpec | None = None) -> None:
        """See Preparer."""
        if keep is None:
            self.held.discard(service_id)

    async def forget(self, service_id: str) -> None:
        """See Preparer."""
        self.forgotten.append(service_id)
