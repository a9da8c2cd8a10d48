"""Running: services with all that keeps them at work (health, scaling, ports, their guests' requests), joined."""

from pathlib import Path

import msgspec

from catalog.provider import Http
from runtime.daemon.access import Access
from runtime.daemon.clock import Clock
from runtime.daemon.config import DaemonConfig, service_user
from runtime.daemon.events import EventBus
from runtime.daemon.health import Defaults, Monitor
from runtime.daemon.logs import LogBook
from runtime.daemon.scaling import Scaler, ScalingDefaults
from runtime.daemon.services import Services
from runtime.daemon.services.parts import Parts
from runtime.daemon.services.preparing import Confinement, Preparing
from runtime.daemon.state import StateStore
from runtime.daemon.timers import Timers
from runtime.daemon.traffic import Router
from runtime.daemon.traffic.outgoing import GuestRequests
from runtime.daemon.traffic.ports import Ports
from runtime.daemon.volumes import Volumes
from runtime.wasm.compile import Compiler
from runtime.wasm.launch import Launch, Launcher
from runtime.wasm.modules.store import ModuleStore


class Running:
    """What is under `config` and on the given parts. `start` once those are open, `stop` before they are closed."""

    def __init__(
        self,
        config: DaemonConfig,
        *,
        state: StateStore,
        events: EventBus,
        logs: LogBook,
        access: Access,
        modules: ModuleStore,
        compiler: Compiler,
        volumes: Volumes,
        launcher: Launcher,
        router: Router,
        http: Http,
        clock: Clock,
        timers: Timers,
        address: str = "127.0.0.1",
    ) -> None:
        requests = GuestRequests(lambda: self.services, access, http)
        preparer = Preparing(
            modules,
            compiler,
            volumes,
            Path(config.daemon.data_dir) / "services",
            lambda: self._parts.limits,
            requests.of,
            Confinement(seccomp=config.security.enable_seccomp, user=service_user(config)),
        )
        self.health = Monitor(
            events,
            launcher,
            clock,
            timers,
            _monitoring(config),
            name_of=self._name_of,
            template_of=self._template_of,
        )
        self._parts = Parts(
            state=state,
            events=events,
            logs=logs,
            launcher=launcher,
            preparer=preparer,
            router=router,
            watcher=self.health,
            clock=clock,
            timers=timers,
            limits=config.resources,
            access=access,
        )
        self.services = Services(self._parts)
        self.scaler = Scaler(self.services, clock, timers, _scaling(config))
        self.ports = Ports(access, logs, clock, timers, address=address)
        self.services.watchers.append(self.ports.follow)
        volumes.on_full = self.services.volume_full

    async def start(self) -> None:
        """Take up services that should run. Raises Unavailable STATE_*."""
        await self.services.recover()
        self.scaler.start()

    async def stop(self, seconds: float, *, force: bool = False) -> int:
        """Stop all within so many seconds, keeping what should run; answers how many did."""
        await self.scaler.stop()
        ran = await self.services.close(seconds, force=force)
        await self.ports.close()
        return ran

    def reconfigure(self, config: DaemonConfig) -> None:
        """Take what of another configuration takes effect without a restart."""
        self.services.reconfigure(config.resources)
        self.health.defaults = _monitoring(config)
        self.scaler.defaults = _scaling(config)

    def _name_of(self, service_id: str) -> str | None:
        service = self.services.find(service_id)
        return None if service is None else service.name

    def _template_of(self, service_id: str) -> Launch | None:
        service = self.services.find(service_id)
        return None if service is None or service.prepared is None else service.prepared.launch


def _monitoring(config: DaemonConfig) -> Defaults:
    return Defaults(interval=config.monitoring.health_check_interval, timeout=config.monitoring.health_check_timeout)


def _scaling(config: DaemonConfig) -> ScalingDefaults:
    return msgspec.convert(config.scaling, ScalingDefaults, from_attributes=True)
