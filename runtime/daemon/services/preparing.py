"""Preparing: from a service as wanted to what its replicas are launched with: module, machine code, volumes, files."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from catalog.errors import NotFound
from runtime.daemon.services.admission import Limits
from runtime.daemon.services.granting import check_paths, environment_of, may_request, withheld
from runtime.daemon.services.placing import place_files
from runtime.daemon.services.prepared import OutgoingFor, Prepared
from runtime.daemon.services.registry import as_service_name
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.volumes import Volumes
from runtime.forms.workload import HealthCheck, ModuleType
from runtime.wasm.compile import Compiled, Compiler
from runtime.wasm.launch import Abi, Launch, Mount
from runtime.wasm.modules.abi import detect_abi
from runtime.wasm.modules.fabrickfile import NetworkCapability
from runtime.wasm.modules.function_section import Function
from runtime.wasm.modules.module import Module
from runtime.wasm.modules.store import ModuleStore

REQUEST_SECONDS = 30.0
"""What one request may take where the module does not say."""

OutgoingOf = Callable[[str, NetworkCapability, float], OutgoingFor]
"""What carries out the requests of one service's guests: its id, its module's capabilities, seconds at most."""

_FITTING: dict[str, frozenset[Abi]] = {
    "http": frozenset({Abi.REACTOR, Abi.FRAMED, Abi.CGI, Abi.COMPONENT}),
    "tcp": frozenset(Abi) - {Abi.COMMAND},
    "exec": frozenset(Abi) - {Abi.COMPONENT},
}


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """How workers are confined: the `[security]` of the daemon's settings."""

    seccomp: bool = True
    user: str | None = None


class Preparing:
    """Implements prepared.Preparer. `folder` takes what is a service's own."""

    def __init__(
        self,
        modules: ModuleStore,
        compiler: Compiler,
        volumes: Volumes,
        folder: Path,
        limits: Callable[[], Limits],
        outgoing: OutgoingOf,
        confinement: Confinement | None = None,
    ) -> None:
        self._modules = modules
        self._compiler = compiler
        self._volumes = volumes
        self._folder = folder
        self._limits = limits
        self._outgoing = outgoing
        self._confinement = confinement or Confinement()

    async def name_of(self, reference: str) -> str:
        """See Preparer."""
        info = await asyncio.to_thread(self._modules.get, reference)
        return as_service_name(info.name)

    async def check(self, spec: ServiceSpec) -> ModuleType:
        """See Preparer."""
        stored = await asyncio.to_thread(self._modules.read, spec.image)
        check_paths(spec, stored.fabrickfile.capabilities)
        return spec.type or stored.fabrickfile.info.type

    async def prepare(self, service_id: str, spec: ServiceSpec) -> Prepared:
        """See Preparer. Raises NotFound VOLUME_NOT_FOUND while a volume is not there."""
        for use in spec.volumes:
            if self._volumes.find(use.source) is None:
                raise NotFound("VOLUME_NOT_FOUND", f"Volume `{use.source}` does not exist yet.", hint="Create it.")
        module = await asyncio.to_thread(self._modules.resolve, spec.image)
        compiled = await self._compiler.compile(module.wasm, module.wasm_digest)
        abi = detect_abi(module, compiled, kind=spec.type)
        granted = module.fabrickfile.capabilities
        requests = may_request(spec, granted, abi, compiled.imports)
        writable = check_paths(spec, granted)
        files = await asyncio.to_thread(place_files, self._folder / service_id, spec.files)
        volumes = await self._volumes.acquire(service_id, spec.volumes)
        mounts = tuple(_confined(each, writable) for each in volumes)
        launch = self._launch(service_id, spec, module, compiled, abi)
        check, notes = _fitting_check(spec.health_check or module.fabrickfile.health_check, abi)
        missing = withheld(spec, dict(launch.environment))
        timeout = module.fabrickfile.config.timeout or REQUEST_SECONDS
        return Prepared(
            kind=spec.type or module.fabrickfile.info.type,
            launch=msgspec.structs.replace(launch, mounts=(*module.mounts, *files, *mounts), http_request=requests),
            timeout=timeout,
            cpu=spec.resources.cpu or module.fabrickfile.config.resources.cpu or self._limits().default_cpu_limit,
            health_check=check,
            outgoing=self._outgoing(service_id, granted.network, timeout) if requests else None,
            notes=(*notes, *((missing,) if missing else ())),
            functions=_functions(module, compiled),
        )

    def _launch(self, service_id: str, spec: ServiceSpec, module: Module, compiled: Compiled, abi: Abi) -> Launch:
        config, limits = module.fabrickfile.config, self._limits()
        start = module.argv or (module.info.name,)
        # A guest has one thread: a limit of a core and more needs nobody to hold it.
        cpu = spec.resources.cpu or config.resources.cpu or limits.default_cpu_limit
        return Launch(
            service=service_id,
            instance="",
            abi=abi,
            compiled=compiled.path,
            argv=(*start, *spec.args),
            environment=environment_of(spec, dict(config.environment), module.fabrickfile.capabilities),
            memory=spec.resources.memory or config.resources.memory or limits.default_memory_limit,
            cpu=cpu if cpu < 1 else None,
            file_bytes=self._volumes.file_bytes(spec.volumes),
            seccomp=self._confinement.seccomp,
            user=self._confinement.user,
        )

    def release(self, service_id: str, keep: ServiceSpec | None = None) -> None:
        """See Preparer."""
        self._volumes.release(service_id, () if keep is None else keep.volumes)

    async def forget(self, service_id: str) -> None:
        """See Preparer."""
        await asyncio.to_thread(shutil.rmtree, self._folder / service_id, ignore_errors=True)


def _functions(module: Module, compiled: Compiled) -> tuple[Function, ...]:
    """What its Fabrickfile declares, and what a component exports by its WIT and the Fabrickfile says nothing of."""
    declared = module.fabrickfile.functions
    names = {each.name for each in declared}
    exported = [each for each in compiled.functions if each.name not in names]
    return (*declared, *(Function(name=each.name, input=each.input, output=each.output) for each in exported))


def _confined(mount: Mount, writable: frozenset[str]) -> Mount:
    return mount if mount.guest in writable else msgspec.structs.replace(mount, writable=False)


def _fitting_check(check: HealthCheck | None, abi: Abi) -> tuple[HealthCheck | None, tuple[str, ...]]:
    """The health check, if guests of this kind can be asked so; else a sentence."""
    if check is None or abi in _FITTING[check.type]:
        return check, ()
    return None, (f"its health check of type `{check.type}` does not fit a guest of kind `{abi}` and is left out",)
