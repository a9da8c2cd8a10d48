"""Daemon: all parts joined; what starts, recovers, reloads and stops them."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
import structlog

from catalog.errors import Conflict
from catalog.jsonvalue import Json
from catalog.provider import Http
from runtime.clock import Clock, SystemClock
from runtime.daemon import telling
from runtime.daemon.access import Access
from runtime.daemon.chronicle import Chronicle
from runtime.daemon.config import DaemonConfig, differences, not_honoured, service_owner, service_user
from runtime.daemon.config.differences import merged
from runtime.daemon.events import EventBus, Outbox
from runtime.daemon.events.outbox import Send
from runtime.daemon.functions import Functions
from runtime.daemon.health import Defaults, Monitor
from runtime.daemon.keys import ApiKeys
from runtime.daemon.logs import LogBook
from runtime.daemon.mortar import Mortar
from runtime.daemon.networks import Networks
from runtime.daemon.policies import Policies, read_directory
from runtime.daemon.scaling import Scaler, ScalingDefaults
from runtime.daemon.services import Services
from runtime.daemon.services.collecting import Collector
from runtime.daemon.services.parts import Parts
from runtime.daemon.services.preparing import Confinement, Preparing
from runtime.daemon.timers import LoopTimers
from runtime.daemon.traffic import Router
from runtime.daemon.traffic.outgoing import GuestRequests
from runtime.daemon.traffic.ports import Ports
from runtime.daemon.volumes import Volumes
from runtime.state import StateStore
from runtime.wasm.compile import Compiler
from runtime.wasm.host import ZygoteLauncher
from runtime.wasm.launch import Launch
from runtime.wasm.modules.store import ModuleStore

_log = structlog.get_logger()

KEYS_FILE = "api-keys.json"
"""In the data directory."""

Reread = Callable[[], tuple[DaemonConfig, list[str]]]


class Daemon:
    """The services half of the process. `start` before anything else, `stop` at the end; both on one loop.

    `http` is the guarded way out for guests' requests; services' ports are listened for at `address`. `reread`
    reads the configuration again as it was read at start; `applied` is told what holds after a reload. `receiver`
    gets every event at least once, over restarts too.
    """

    def __init__(
        self,
        config: DaemonConfig,
        *,
        version: str,
        http: Http,
        address: str = "127.0.0.1",
        reread: Reread | None = None,
        applied: Callable[[DaemonConfig], None] | None = None,
        receiver: Send | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self.version = version
        self.clock = clock = clock or SystemClock()
        self.started_ns = clock.now_ns()
        self._started = clock.monotonic()
        self._reread = reread
        self._applied = applied
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovered = False
        data = config.daemon.data_dir
        timers = LoopTimers(clock)
        self.state = StateStore(data / "state.sqlite")
        self.keys = ApiKeys(data / KEYS_FILE, clock)
        self.events = EventBus(
            clock,
            buffer=config.events.buffer_size,
            retention=config.events.retention,
            persist=_journal(config),
            state=self.state,
        )
        self._receiver = receiver
        self._outbox = Outbox(self.state, self.events)
        self.logs = LogBook(clock)
        self.networks = Networks(self.state, self.events, clock)
        self.volumes = Volumes(
            config.storage.volume_base_path,
            self.state,
            self.events,
            clock,
            config.volume_key,
            owner=service_owner(config),
            encrypt_all=config.storage.volume_encryption,
        )
        self.policies = Policies(config.policy.policy_dir, config.policy.mode, self.events)
        self.access = Access(
            self.networks,
            self.policies,
            self.events,
            structlog.get_logger(),
            deny_by_default=config.security.deny_network_by_default,
        )
        self.modules = ModuleStore(data / "storage", data / "modules", clock=clock)
        self.compiler = Compiler(config.runtime.build_cache_dir, parallel=config.runtime.max_parallel_builds)
        self.launcher = ZygoteLauncher()
        self.router = Router(clock, timers)
        self.health = Monitor(
            self.events,
            self.launcher,
            clock,
            timers,
            _health_defaults(config),
            name_of=self._service_name,
            template_of=self._template,
        )
        outgoing = GuestRequests(lambda: self.services, self.access, http)
        parts = Parts(
            state=self.state,
            events=self.events,
            logs=self.logs,
            launcher=self.launcher,
            preparer=Preparing(
                self.modules,
                self.compiler,
                self.volumes,
                data / "files",
                lambda: self.config.resources,
                outgoing.of,
                Confinement(seccomp=config.security.enable_seccomp, user=service_user(config)),
            ),
            router=self.router,
            watcher=self.health,
            clock=clock,
            timers=timers,
            limits=config.resources,
            access=self.access,
        )
        self.services = Services(parts)
        self.chronicle = Chronicle(
            self.state,
            clock,
            self.health,
            lambda: telling.sample(self),
            interval=config.monitoring.metrics_interval,
            retention=config.monitoring.metrics_retention,
        )
        self.scaler = Scaler(self.services, clock, timers, _scaling_defaults(config))
        self.collector = Collector(self.services, clock, timers, config.monitoring.metrics_interval)
        self.ports = Ports(self.access, self.logs, clock, timers, address=address)
        self.services.watchers.append(self.ports.follow)
        self.functions = Functions(self.router, self.logs)
        self.services.watchers.append(self.functions.follow)
        self.policies.identify = self._service_id
        self.volumes.on_full = self.services.volume_full
        self.mortar = Mortar(
            state=self.state,
            services=self.services,
            networks=self.networks,
            volumes=self.volumes,
            policies=self.policies,
            modules=self.modules,
            clock=clock,
            builds=asyncio.Semaphore(config.runtime.max_parallel_builds),
        )

    @property
    def uptime(self) -> float:
        """Seconds since start."""
        return self.clock.monotonic() - self._started

    async def start(self) -> None:
        """Take up what was there. Raises FabricError where that cannot be read."""
        for sentence in not_honoured(self.config):
            _log.warning("setting_not_honoured", what=sentence)
        await self.state.open()
        await self.events.open()
        if self._receiver is not None:
            self._outbox.open()
            self._run(self._outbox.run(self._receiver))
        await self.networks.load()
        await self.volumes.load()
        for problem in await asyncio.to_thread(self.policies.load):
            _log.warning("policy_problem", what=problem)
        await self.mortar.load()
        self._run(self.events.run())
        self._run(self.volumes.run())
        await asyncio.to_thread(self.modules.sweep)
        await self.services.recover()
        self.chronicle.load(lambda service_id: self.services.find(service_id) is not None)
        self._run(self.chronicle.run())
        self.scaler.start()
        self.collector.start()
        self._recovered = True

    async def stop(self, seconds: float, *, force: bool = False) -> None:
        """Stop services in reverse order of their dependencies, within so much time; the next start takes them up."""
        if self._recovered:
            self.collector.stop()
            await self.scaler.stop()
            await self.services.close(seconds, force=force)
            await self.ports.idle()
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._recovered:
            await self.chronicle.close()
        await self.launcher.close()
        await self.volumes.close()
        await self.events.close()
        await self._outbox.save()
        await self.state.close()

    async def reload(self, *, dry_run: bool = False) -> tuple[list[str], list[str]]:
        """Read the configuration again and apply what takes effect without a restart; what differs, and warnings.

        With `dry_run` nothing is applied. Raises Invalid CONFIG_INVALID, and then nothing is either; Conflict
        INVALID_STATE where nobody said how to read it.
        """
        if self._reread is None:
            raise Conflict("INVALID_STATE", "This daemon was given its configuration, and cannot read it again.")
        new, warnings = await asyncio.to_thread(self._reread)
        changes = [str(each) for each in differences(self.config, new)]
        if dry_run:
            warnings += (await asyncio.to_thread(read_directory, new.policy.policy_dir))[1]
        else:
            warnings += await self._apply(merged(self.config, new))
        return changes, warnings

    async def _apply(self, config: DaemonConfig) -> list[str]:
        self.config = config
        self.services.reconfigure(config.resources)
        self.health.defaults = _health_defaults(config)
        self.scaler.defaults = _scaling_defaults(config)
        self.collector.interval = config.monitoring.metrics_interval
        self.chronicle.interval = config.monitoring.metrics_interval
        self.chronicle.retention = config.monitoring.metrics_retention
        self.policies.set_mode(config.policy.mode)
        self.policies.set_directory(config.policy.policy_dir)
        problems = await asyncio.to_thread(self.policies.load)
        events = config.events
        await self.events.reconfigure(buffer=events.buffer_size, retention=events.retention, persist=_journal(config))
        if self._applied is not None:
            self._applied(config)
        return problems

    def info(self) -> Json:
        """What `GET /v1/daemon/info` shows."""
        return telling.info(self)

    def stats(self) -> Json:
        """What `GET /v1/daemon/stats` shows, requests apart."""
        return telling.stats(self)

    def running(self) -> int:
        """Services that run."""
        return sum(each.state in ("starting", "running") for each in self.services.list())

    def _service_id(self, name: str) -> str | None:
        service = self.services.named(name)
        return None if service is None else service.id

    def _service_name(self, service_id: str) -> str | None:
        service = self.services.find(service_id)
        return None if service is None else service.name

    def _template(self, service_id: str) -> Launch | None:
        service = self.services.find(service_id)
        return None if service is None or service.prepared is None else service.prepared.launch

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            _log.error("daemon_task_crashed", exc_info=bug)


def _journal(config: DaemonConfig) -> Path | None:
    """Where events are written down, if they are."""
    return config.daemon.data_dir / "events" if config.events.persist_events else None


def _health_defaults(config: DaemonConfig) -> Defaults:
    monitoring = config.monitoring
    return Defaults(interval=monitoring.health_check_interval, timeout=monitoring.health_check_timeout)


def _scaling_defaults(config: DaemonConfig) -> ScalingDefaults:
    return msgspec.convert(config.scaling, ScalingDefaults, from_attributes=True)
