"""Upkeep: the registry's other half: records written down, what supervisors ask for, the daemon's start and end."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from catalog.errors import FabricError, Unavailable
from catalog.jsonvalue import Json
from runtime.daemon.events import DaemonEvent
from runtime.daemon.services.order import waves
from runtime.daemon.services.parts import Parts
from runtime.daemon.services.records import ServiceRecord, read_record
from runtime.daemon.services.registry import Registry
from runtime.daemon.services.supervisor import Supervisor

KIND = "service"
_END = "end"
"""The kind of the document that says how the last daemon ended: missing, if it was killed."""
_ORDERLY = b"orderly"
AGAIN_AFTER = 5.0
"""Seconds after which what the state store refused is tried again."""
_log = structlog.get_logger()

T = TypeVar("T")


class Upkeep:
    """Implements parts.Owner. `watchers` are called whenever something about a service may have changed."""

    def __init__(self, parts: Parts) -> None:
        self.registry = Registry()
        self.watchers: list[Callable[[Supervisor], None]] = []
        self._parts = parts
        self._change = asyncio.Lock()
        self._tasks: set[asyncio.Task[object]] = set()
        self._at_work: set[str] = set()
        """Services that are being removed or written down as completed."""
        self._closing = False
        parts.events.listen(self._on_event)

    # Changes of what is wanted: one at a time, and none is left half done.

    async def change(self, work: Callable[[], Coroutine[None, None, T]]) -> T:
        """Do `work` while nobody else changes a wish, to its end even if the caller is cancelled.

        Raises Unavailable DAEMON_STOPPING, and what `work` raises.
        """
        return await asyncio.shield(self._own(self._alone(work)))

    async def _alone(self, work: Callable[[], Coroutine[None, None, T]]) -> T:
        async with self._change:
            if self._closing:
                raise Unavailable("DAEMON_STOPPING", "The daemon is stopping.", hint="Try again once it is up.")
            return await work()

    def _own(self, work: Coroutine[None, None, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def take_up(self, record: ServiceRecord) -> Supervisor:
        """A new service: write it down and know it. Raises Unavailable STATE_*."""
        await self.keep(record)
        return self._know(record)

    async def wish(self, service: Supervisor, **wish: Json) -> None:
        """Change a service's record, on the disk first. Raises Unavailable STATE_*."""
        now = self._parts.clock.now_ns()
        record = msgspec.structs.replace(service.record, updated_at_ns=now, **wish)
        await self.keep(record)
        service.record = record

    async def keep(self, record: ServiceRecord) -> None:
        """Write a record down. Raises Unavailable STATE_*."""
        await self._parts.state.put(KIND, record.id, msgspec.json.encode(record))

    def _know(self, record: ServiceRecord) -> Supervisor:
        service = Supervisor(record, self._parts, self)
        self.registry.add(service)
        return service

    # The daemon's start and end.

    async def recover(self) -> None:
        """See Services."""
        for document in self._parts.state.load(KIND):
            self._know(read_record(document))
        orderly = self._parts.state.load(_END) == [_ORDERLY]
        await self._parts.state.delete(_END, KIND)
        by_name = {service.name: service for service in self.registry}
        for wave in waves({name: service.spec.depends_on for name, service in by_name.items()}):
            for name in wave:
                service = by_name[name]
                if service.record.desired == "running":
                    self._take_up_again(service, orderly=orderly)
                service.look()

    def _take_up_again(self, service: Supervisor, *, orderly: bool) -> None:
        again = "the daemon has started again and takes the service up"
        if not orderly:
            reason = "the daemon was ended without stopping the service"
            self._parts.events.publish("service.stopped", service_id=service.id, name=service.name, reason=reason)
            again = f"{reason}; it has started again and takes the service up"
        self._parts.logs.of(service.id).note(again)
        service.begin()

    async def close(self, seconds: float, *, force: bool) -> int:
        """See Services."""
        self._closing = True
        async with self._change:
            by_name = {service.name: service for service in self.registry}
        ran = sum(not service.idle for service in by_name.values())
        end = self._parts.clock.monotonic() + seconds
        order = waves({name: service.spec.depends_on for name, service in by_name.items()})
        for wave in [tuple(by_name)] if force else reversed(order):
            left = max(0.0, end - self._parts.clock.monotonic())
            for name in wave:
                by_name[name].rest(left, force=force, held=True)
            await asyncio.gather(*(_at_rest(by_name[name]) for name in wave))
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._parts.state.put(_END, KIND, _ORDERLY)
        return ran

    # What supervisors ask; see Owner.

    def blocker(self, service: Supervisor) -> str | None:
        """See Owner."""
        for name in service.spec.depends_on:
            other = self.registry.named(name)
            if other is None:
                return f"it waits for service `{name}`, which does not exist"
            if not (other.counts.healthy or other.record.completed):
                return f"it waits for service `{name}`, which is {other.state}"
        return None

    def changed(self, service: Supervisor) -> None:
        """See Owner."""
        if service.record.desired == "deleted" and service.idle and not service.forgotten:
            self._once(service, self._bury)
        for other in self.registry:
            if other.waiting_for is not None and service.name in other.spec.depends_on:
                other.look()
        for watcher in self.watchers:
            watcher(service)

    def completed(self, service: Supervisor) -> None:
        """See Owner."""
        self._once(service, self._complete)

    def _once(self, service: Supervisor, work: Callable[[Supervisor], Coroutine[None, None, None]]) -> None:
        if service.id not in self._at_work:
            self._at_work.add(service.id)
            self._own(self._try(service, work))

    async def _try(self, service: Supervisor, work: Callable[[Supervisor], Coroutine[None, None, None]]) -> None:
        try:
            await work(service)
        except FabricError as error:
            _log.error("service_not_written_down", service=service.id, code=error.code, why=error.message)
            when = self._parts.clock.monotonic() + AGAIN_AFTER
            self._parts.timers.at(when, partial(self._try_again, service))
        else:
            self._at_work.discard(service.id)

    def _try_again(self, service: Supervisor) -> None:
        self._at_work.discard(service.id)
        service.look()

    async def _complete(self, service: Supervisor) -> None:
        seen = service.record
        async with self._change:
            if service.record is seen:
                await self.wish(service, desired="stopped", completed=True)
        service.look()

    async def _bury(self, service: Supervisor) -> None:
        await self._parts.preparer.forget(service.id)
        await self._parts.state.delete(KIND, service.id)
        self.registry.remove(service)
        self._parts.router.forget(service.id)
        self._parts.watcher.forget(service.id)
        self._parts.logs.forget(service.id)
        service.forgotten = True
        service.look()

    def _on_event(self, event: DaemonEvent) -> None:
        """A volume that a service was waiting for is there."""
        if event.type == "volume.created":
            for service in self.registry:
                service.volume_created({str(event.data.get("id")), str(event.data.get("name"))})


async def _at_rest(service: Supervisor) -> None:
    await service.until(lambda: service.idle)
