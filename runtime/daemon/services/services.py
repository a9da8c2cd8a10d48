"""Services: what is asked of the daemon about services.

What changes a wish (create, patch, start, stop, scale ...) is checked, written down and taken over under one lock, so
that two of them never interleave; carrying it out is each supervisor's.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

import msgspec

from catalog.errors import Invalid, NotFound, Unavailable
from catalog.jsonvalue import Json
from runtime.daemon.events import DaemonEvent
from runtime.daemon.reading import read_service
from runtime.daemon.services import admission
from runtime.daemon.services.operations import require
from runtime.daemon.services.order import waves
from runtime.daemon.services.parts import Parts
from runtime.daemon.services.records import Revision, ServiceRecord, Stats
from runtime.daemon.services.registry import Registry, fitting
from runtime.daemon.services.revising import count_after, revised, rolls
from runtime.daemon.services.statistics import stats_of
from runtime.daemon.services.supervisor import Supervisor
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.writing import patched

KIND = "service"
RESTART_MOST = 60.0
"""Seconds that a restart is waited for, besides the time that guests are given to end."""


class Services:
    """All services. Every `id_or_name` is an id or a name, an id goes first; NotFound SERVICE_NOT_FOUND otherwise."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._registry = Registry()
        self._change = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self.watchers: list[Callable[[Supervisor], None]] = []
        """Called whenever something about a service may have changed; they must not wait."""
        parts.events.listen(self._on_event)

    # What is there.

    def get(self, id_or_name: str) -> Supervisor:
        """The service of this id or name."""
        return self._registry.get(id_or_name)

    def find(self, id_or_name: str) -> Supervisor | None:
        """The service of this id or name, None where there is none."""
        return self._registry.find(id_or_name)

    def named(self, name: str) -> Supervisor | None:
        """The service of this name, None where there is none."""
        return self._registry.named(name)

    def list(
        self, *, state: str | None = None, network: str | None = None, labels: Iterable[str] = ()
    ) -> list[Supervisor]:
        """Those that fit, the oldest first. A label is `key=value` or `key`. Raises Invalid for an unknown state."""
        return fitting(self._registry, state, None if network is None else frozenset({network}), labels)

    @property
    def replicas_most(self) -> int:
        """How many replicas one service may have."""
        return self._parts.limits.max_replicas_per_service

    def stats(self, id_or_name: str) -> Stats:
        """What it uses now."""
        return stats_of(self.get(id_or_name), self._parts.clock)

    # Wishes.

    async def create(self, spec: ServiceSpec, *, id: str | None = None) -> Supervisor:
        """Keep a new service and begin to start it; answers before it runs.

        Raises Conflict SERVICE_ALREADY_EXISTS, PORT_TAKEN; TooMany RESOURCE_LIMIT_EXCEEDED; NotFound MODULE_NOT_FOUND;
        Forbidden FORBIDDEN (policies, capabilities); Invalid INVALID_REQUEST.
        """
        self._registry.check_name(spec.name)
        kind = await self._parts.preparer.check(spec)
        async with self._changing():
            self._registry.check_name(spec.name)
            admission.check_count(self._records(), self._parts.limits)
            self._admit(spec, spec.replicas.min)
            self._parts.access.check_service(spec, type=kind, dependencies=self._dependencies(spec))
            now = self._parts.clock.now_ns()
            record = ServiceRecord(
                id=id or self._registry.new_id(spec.name),
                revisions=(Revision(number=1, spec=spec, at_ns=now),),
                desired="running",
                replicas=spec.replicas.min,
                created_at_ns=now,
                updated_at_ns=now,
            )
            await self._keep(record)
            service = self._take_up(record)
        self._parts.events.publish("service.created", service_id=service.id, name=service.name)
        service.begin()
        return service

    async def run_module(
        self,
        reference: str,
        *,
        args: Sequence[str] = (),
        env_vars: Sequence[tuple[str, str]] = (),
        no_capabilities: bool = False,
        networks: Sequence[str] = (),
    ) -> Supervisor:
        """Create a service `svc-<8 hex>` from a stored module, named after it. Raises as `create`."""
        document: dict[str, Json] = {
            "name": await self._parts.preparer.name_of(reference),
            "image": reference,
            "args": list(args),
            "environment": dict(env_vars),
            "no_capabilities": no_capabilities,
            "networks": list(networks),
        }
        return await self.create(read_service(document), id=self._registry.new_run_id())

    async def patch(self, id_or_name: str, patch: Mapping[str, Json]) -> Supervisor:
        """Lay a merge patch (RFC 7396) over the specification; a change rolls through the replicas one by one."""
        return await self._revise(id_or_name, lambda service: patched(service.spec, patch))

    async def replace(self, id_or_name: str, spec: ServiceSpec) -> Supervisor:
        """Give a service another specification of the same name; otherwise as `patch`."""
        return await self._revise(id_or_name, lambda _: spec)

    async def rollback(self, id_or_name: str, revision: int | None = None) -> Supervisor:
        """Return to an earlier revision (the one before, if none is named), as a new one. Raises NotFound
        REVISION_NOT_FOUND."""
        return await self._revise(id_or_name, lambda service: _earlier(service, revision))

    async def _revise(self, id_or_name: str, wanted: Callable[[Supervisor], ServiceSpec]) -> Supervisor:
        kind = await self._parts.preparer.check(wanted(self.get(id_or_name)))
        async with self._changing():
            service = self.get(id_or_name)
            require(service, "update")
            old, spec = service.spec, wanted(service)
            if spec == old:
                return service
            if spec.name != old.name:
                raise Invalid("INVALID_REQUEST", f"Service `{old.name}` cannot be renamed.", hint="Leave `name` out.")
            most = self._parts.limits.max_replicas_per_service
            replicas = count_after(service.record.replicas, old.replicas, spec.replicas, most)
            self._admit(spec, replicas, service)
            self._parts.access.check_service(spec, type=kind, dependencies=self._dependencies(spec))
            before = service.record
            record = revised(before, spec, replicas, self._parts.clock.now_ns())
            await self._keep(record)
            service.adopt(record, rolls=rolls(old, spec))
        self._tell_scaled(service, before.replicas, replicas, "update")
        return service

    async def start(self, id_or_name: str) -> Supervisor:
        """Start a stopped or failed service; answers before it runs. Raises Conflict INVALID_STATE."""
        async with self._changing():
            service = self.get(id_or_name)
            require(service, "start")
            self._admit(service.spec, service.record.replicas, service)
            await self._wish(service, desired="running", completed=False)
            service.begin()
        return service

    async def stop(
        self,
        id_or_name: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - it bounds the guests' end, not this call
        force: bool = False,
    ) -> Supervisor:
        """Stop it and wait until it has; what is under way may end within `timeout` seconds."""
        async with self._changing():
            service = self.get(id_or_name)
            require(service, "stop")
            await self._wish(service, desired="stopped")
            service.rest(timeout, force=force)
        await service.until(lambda: service.idle)
        return service

    async def restart(
        self,
        id_or_name: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - as above
        force: bool = False,
    ) -> int:
        """Replace its replicas one by one (with `force`, all at once); answers how many, once they are."""
        async with self._changing():
            service = self.get(id_or_name)
            require(service, "restart")
            await self._wish(service)
            count = service.renew(timeout, force=force)
        try:
            async with asyncio.timeout(RESTART_MOST + timeout * max(1, count)):
                await service.until(lambda: service.settled)
        except TimeoutError:
            # Its state says how far it has come; the answer counts those that are new.
            return service.counts.healthy
        return count

    async def scale(self, id_or_name: str, replicas: int, *, cause: str = "request") -> tuple[int, int]:
        """Set how many replicas there should be; answers how many before and now. It does not wait for them."""
        async with self._changing():
            service = self.get(id_or_name)
            require(service, "scale")
            _check_scale(service.spec, replicas)
            self._admit(service.spec, replicas, service)
            before = service.record.replicas
            if replicas != before:
                await self._wish(service, replicas=replicas)
                service.look()
        self._tell_scaled(service, before, replicas, cause)
        return before, replicas

    async def delete(
        self,
        id_or_name: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - as above
        force: bool = False,
    ) -> Supervisor:
        """Stop it, forget it and all that was its own; volumes stay."""
        async with self._changing():
            service = self.get(id_or_name)
            require(service, "delete")
            await self._wish(service, desired="deleted")
            service.rest(timeout, force=force)
        await service.until(lambda: service.forgotten)
        return service

    async def settled(self, id_or_name: str, wait: float) -> Supervisor:
        """Wait at most `wait` seconds until all its replicas run and are healthy, or it has failed or stopped."""
        service = self.get(id_or_name)
        try:
            async with asyncio.timeout(wait):
                await service.until(lambda: service.settled)
        except TimeoutError:
            return service
        return service

    def volume_full(self, service_id: str, volume: str) -> None:
        """A volume that the service writes to is over its quota: it is stopped until somebody starts it."""
        service = self.find(service_id)
        if service is not None:
            service.volume_full(volume)

    def reconfigure(self, limits: admission.Limits) -> None:
        """Take other `[resources]` from now on; what runs is left as it is."""
        self._parts.limits = limits

    # The daemon's start and end.

    async def recover(self) -> None:
        """Take up what the state store holds and start what should run, in the order of dependencies."""
        for document in self._parts.state.load(KIND):
            self._take_up(_read_record(document))
        by_name = {service.name: service for service in self._registry}
        for wave in waves({name: service.spec.depends_on for name, service in by_name.items()}):
            for name in wave:
                service = by_name[name]
                if service.record.desired == "running":
                    self._parts.logs.of(service.id).note("the daemon has started: the service is taken up again")
                    service.begin()
                service.look()

    async def close(
        self,
        timeout: float,  # noqa: ASYNC109 - as above
        *,
        force: bool = False,
    ) -> int:
        """Stop all in reverse order of dependencies, keeping what each should be; answers how many ran."""
        self._closing = True
        async with self._change:
            by_name = {service.name: service for service in self._registry}
        ran = sum(not service.idle for service in by_name.values())
        end = self._parts.clock.monotonic() + timeout
        order = waves({name: service.spec.depends_on for name, service in by_name.items()})
        for wave in [tuple(by_name)] if force else reversed(order):
            left = max(0.0, end - self._parts.clock.monotonic())
            for name in wave:
                by_name[name].rest(left, force=force, held=True)
            await asyncio.gather(*(self._at_rest(by_name[name]) for name in wave))
        while self._tasks:
            await asyncio.gather(*self._tasks)
        return ran

    @staticmethod
    async def _at_rest(service: Supervisor) -> None:
        await service.until(lambda: service.idle)

    # What supervisors ask; see parts.Owner.

    def blocker(self, service: Supervisor) -> str | None:
        """See Owner."""
        for name in service.spec.depends_on:
            other = self._registry.named(name)
            if other is None:
                return f"it waits for service `{name}`, which does not exist"
            if not (other.counts.healthy or other.record.completed):
                return f"it waits for service `{name}`, which is {other.state}"
        return None

    def may_spare(self, wanted: int) -> bool:
        """See Owner."""
        return wanted < self._parts.limits.max_replicas_per_service

    def changed(self, service: Supervisor) -> None:
        """See Owner."""
        if service.record.desired == "deleted" and service.idle and not service.burying:
            service.burying = True
            self._own(self._bury(service))
        for other in self._registry:
            if other.waiting_for is not None and service.name in other.spec.depends_on:
                other.look()
        for watcher in self.watchers:
            watcher(service)

    def completed(self, service: Supervisor) -> None:
        """See Owner."""
        self._own(self._complete(service, service.record))

    async def _complete(self, service: Supervisor, seen: ServiceRecord) -> None:
        async with self._change:
            if service.record is seen:
                await self._wish(service, desired="stopped", completed=True)
                service.look()

    async def _bury(self, service: Supervisor) -> None:
        await self._parts.preparer.forget(service.id)
        await self._parts.state.delete(KIND, service.id)
        self._registry.remove(service)
        self._parts.router.forget(service.id)
        self._parts.watcher.forget(service.id)
        self._parts.logs.forget(service.id)
        service.forgotten = True
        service.look()

    # Inside.

    def _changing(self) -> asyncio.Lock:
        if self._closing:
            raise Unavailable("DAEMON_STOPPING", "The daemon is stopping.", hint="Try again once it is up.")
        return self._change

    def _own(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take_up(self, record: ServiceRecord) -> Supervisor:
        service = Supervisor(record, self._parts, self)
        self._registry.add(service)
        return service

    async def _keep(self, record: ServiceRecord) -> None:
        await self._parts.state.put(KIND, record.id, msgspec.json.encode(record))

    async def _wish(self, service: Supervisor, **wish: Json) -> None:
        now = self._parts.clock.now_ns()
        record = msgspec.structs.replace(service.record, updated_at_ns=now, **wish)
        await self._keep(record)
        service.record = record

    def _records(self, but: Supervisor | None = None) -> Iterable[ServiceRecord]:
        return [service.record for service in self._registry if service is not but]

    def _admit(self, spec: ServiceSpec, replicas: int, service: Supervisor | None = None) -> None:
        others = self._records(service)
        admission.check_order(others, spec)
        admission.check_replicas(spec, replicas, self._parts.limits)
        admission.check_resources(others, spec, replicas, self._parts.limits)
        admission.check_ports(others, spec)

    def _dependencies(self, spec: ServiceSpec) -> Sequence[ServiceSpec]:
        found = (self._registry.named(name) for name in spec.depends_on)
        return [each.spec for each in found if each is not None]

    def _tell_scaled(self, service: Supervisor, before: int, now: int, cause: str) -> None:
        if before != now:
            self._parts.events.publish(
                "service.scaled",
                service_id=service.id,
                name=service.name,
                previous_replicas=before,
                new_replicas=now,
                cause=cause,
            )

    def _on_event(self, event: DaemonEvent) -> None:
        """A volume that a service was waiting for is there."""
        if event.type == "volume.created":
            for service in self._registry:
                service.volume_created({str(event.data.get("id")), str(event.data.get("name"))})


def _earlier(service: Supervisor, number: int | None) -> ServiceSpec:
    wanted = service.revision - 1 if number is None else number
    for revision in service.revisions[:-1]:
        if revision.number == wanted:
            return revision.spec
    kept = [each.number for each in service.revisions[:-1]]
    raise NotFound(
        "REVISION_NOT_FOUND",
        f"Service `{service.name}` has no earlier revision {wanted}.",
        hint=f"There are: {', '.join(map(str, kept))}." if kept else "It was never changed.",
        details={"revisions": kept, "revision": service.revision},
    )


def _check_scale(spec: ServiceSpec, replicas: int) -> None:
    least, most = (spec.replicas.min, spec.replicas.max) if spec.replicas.max is not None else (1, None)
    if replicas >= least and (most is None or replicas <= most):
        return
    hint = "Stop the service to have none." if replicas < 1 else "Change `replicas` with PATCH to move the bounds."
    bounds = f"from {least} to {most}" if most is not None else "at least 1"
    raise Invalid(
        "INVALID_REQUEST",
        f"Service `{spec.name}` cannot have {replicas} replicas: it must be {bounds}.",
        hint=hint,
        details={"fields": [{"field": "replicas", "problem": f"must be {bounds}"}]},
    )


def _read_record(document: bytes) -> ServiceRecord:
    try:
        return msgspec.json.decode(document, type=ServiceRecord)
    except msgspec.DecodeError as error:
        raise Unavailable(
            "STATE_CORRUPT",
            f"A service in the daemon's state cannot be read: {error}.",
            hint="Restore the data directory from a copy.",
        ) from None
