"""Daemon: all parts joined; what starts, recovers, reloads and stops them."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import structlog

from catalog.errors import Conflict
from catalog.jsonvalue import Json
from runtime.daemon import telling
from runtime.daemon.access import Access
from runtime.daemon.clock import Clock, SystemClock
from runtime.daemon.config import DaemonConfig, differences, not_honoured, service_owner
from runtime.daemon.config.differences import merged
from runtime.daemon.events import EventBus
from runtime.daemon.keys import ApiKeys
from runtime.daemon.logs import LogBook
from runtime.daemon.networks import Networks
from runtime.daemon.policies import Policies
from runtime.daemon.state import StateStore
from runtime.daemon.timers import LoopTimers
from runtime.daemon.traffic import Router
from runtime.daemon.volumes import Volumes
from runtime.wasm.compile import Compiler
from runtime.wasm.host import ZygoteLauncher
from runtime.wasm.modules.store import ModuleStore

_log = structlog.get_logger()

KEYS_FILE = "api-keys.json"
"""In the data directory."""

Reread = Callable[[], tuple[DaemonConfig, list[str]]]


class Daemon:
    """The services half of the process. `start` before anything else, `stop` at the end; both on one loop.

    `reread` reads the configuration again as it was read at start; `applied` is told what holds after a reload.
    """

    def __init__(
        self,
        config: DaemonConfig,
        *,
        version: str,
        reread: Reread | None = None,
        applied: Callable[[DaemonConfig], None] | None = None,
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
        await self.networks.load()
        await self.volumes.load()
        for problem in await asyncio.to_thread(self.policies.load):
            _log.warning("policy_problem", what=problem)
        self._run(self.events.run())
        self._run(self.volumes.run())

    async def stop(self, seconds: float, *, force: bool = False) -> None:
        """Stop services in reverse order of their dependencies, within so much time, and write down what is to be."""
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.launcher.close()
        await self.volumes.close()
        await self.events.close()
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
        if not dry_run:
            warnings += await self._apply(merged(self.config, new))
        return changes, warnings

    async def _apply(self, config: DaemonConfig) -> list[str]:
        self.config = config
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
