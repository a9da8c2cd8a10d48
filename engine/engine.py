"""Engine: the parts of one process, in the order they start and the order they stop."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from catalog.errors import FabricError
from catalog.events import Event
from engine.apply import Applier
from engine.authoring import Authoring
from engine.dispatcher import Dispatcher
from engine.ingest import Ingest
from engine.ports import Store
from engine.retention import Retention
from engine.schedule import Schedule, Waiting
from engine.workers import Workers

_log = structlog.get_logger()


class Engine:
    """Starts, sweeps and drains. Also the EventSink through which pollers and daemons hand events over."""

    def __init__(
        self,
        store: Store,
        authoring: Authoring,
        dispatcher: Dispatcher,
        workers: Workers,
        schedule: Schedule,
        ingest: Ingest,
        applier: Applier,
        retention: Retention,
        collect_artifacts: Callable[[], Awaitable[object]],
    ) -> None:
        self._store = store
        self._authoring = authoring
        self._dispatcher = dispatcher
        self._workers = workers
        self._schedule = schedule
        self._ingest = ingest
        self._applier = applier
        self._retention = retention
        self._collect_artifacts = collect_artifacts
        self._sweeps: list[asyncio.Task[None]] = []
        workers.on_event = dispatcher.offer

    async def start(self) -> None:
        """Take up what the last process left: Connections, queued runs, undispatched events; then sweep for ever."""
        await self._authoring.load()
        for run in await self._store.recover():
            self._schedule.put(Waiting(run.id, run.organisation_id, run.connection_id), run.not_before)
        for organisation in await self._store.organisations():
            await self._ingest.restore(organisation.id)
        self._workers.wake()
        await self._dispatcher.sweep()
        self._sweeps = [
            asyncio.create_task(self._every(2.0, self._dispatcher.sweep, "dispatch")),
            asyncio.create_task(self._every(3.0, self._authoring.check_all, "catalog")),
            asyncio.create_task(self._every(10.0, self._applier.sweep, "changes")),
            asyncio.create_task(self._every(20.0, self._renew, "leases")),
            asyncio.create_task(self._every(600.0, self._retention.sweep, "retention")),
            asyncio.create_task(self._every(600.0, self._collect_artifacts, "artifacts")),
        ]

    async def stop(self, seconds: float) -> None:
        """Drain: stop sweeping, finish matching, let runs end for so long (the rest start over), close the store."""
        for task in self._sweeps:
            task.cancel()
        await asyncio.gather(*self._sweeps, return_exceptions=True)
        await self._dispatcher.close()
        await self._workers.close(seconds)
        await self._store.close()

    async def publish(self, event: Event) -> None:
        """Make an event of a poller or daemon durable, then dispatch it (catalog.provider.EventSink)."""
        accepted = await self._store.accept(event)
        self._dispatcher.offer(accepted.event)

    async def _renew(self) -> None:
        running = self._workers.running()
        if running:
            await self._store.renew(running)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[object]], name: str) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except FabricError as error:
                _log.warning("sweep_put_off", sweep=name, code=error.code, reason=error.message)
            except Exception:  # noqa: BLE001 - one sweep that crashes must not stop the next
                _log.exception("sweep_failed", sweep=name)
