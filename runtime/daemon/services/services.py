"""Services: what is asked of the daemon about services.

What changes a wish (create, patch, start, stop, scale ...) is checked, written down and taken over while no other
change is; carrying it out is each supervisor's.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.reading import read_service
from runtime.daemon.services import admission
from runtime.daemon.services.operations import require
from runtime.daemon.services.parts import Parts
from runtime.daemon.services.records import Revision, ServiceRecord, Stats
from runtime.daemon.services.registry import fitting
from runtime.daemon.services.revising import check_scale, count_after, earlier, revised, rolls
from runtime.daemon.services.statistics import stats_of
from runtime.daemon.services.supervisor import Supervisor
from runtime.daemon.services.upkeep import Upkeep
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.writing import patched
from runtime.forms.workload import ModuleType

RESTART_MOST = 60.0
"""Seconds that a restart is waited for, besides the time that guests are given to end."""


class Services:
    """All services. Every `id_or_name` is an id or a name, an id goes first; NotFound SERVICE_NOT_FOUND otherwise."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._upkeep = Upkeep(parts)
        self._registry = self._upkeep.registry

    @property
    def watchers(self) -> list[Callable[[Supervisor], None]]:
        """Called whenever something about a service may have changed; they must not wait."""
        return self._upkeep.watchers

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
        self, *, state: str | None = None, network: str | Collection[str] | None = None, labels: Iterable[str] = ()
    ) -> list[Supervisor]:
        """Those that fit, the oldest first. `network` is one of its names, or all; a label is `key=value` or `key`.

        Raises Invalid INVALID_REQUEST for an unknown state.
        """
        names = frozenset({network}) if isinstance(network, str) else None if network is None else frozenset(network)
        return fitting(self._registry, state, names, labels)

    @property
    def replicas_most(self) -> int:
        """How many replicas one service may have."""
        return self._parts.limits.max_replicas_per_service

    def stats(self, id_or_name: str) -> Stats:
        """What it uses now."""
        return stats_of(self.get(id_or_name), self._parts.clock)

    async def settled(self, id_or_name: str, wait: float) -> Supervisor:
        """Wait at most `wait` seconds until all its replicas run and are healthy, or it has failed or stopped."""
        service = self.get(id_or_name)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await service.until(lambda: service.settled)
        return service

    # Wishes.

    async def create(self, spec: ServiceSpec, *, id: str | None = None) -> Supervisor:
        """Keep a new service and begin to start it; answers before it runs.

        Raises Conflict SERVICE_ALREADY_EXISTS, PORT_TAKEN; TooMany RESOURCE_LIMIT_EXCEEDED; NotFound MODULE_NOT_FOUND;
        Forbidden FORBIDDEN (policies, capabilities); Invalid INVALID_REQUEST; Unavailable DAEMON_STOPPING, STATE_*.
        """
        self._registry.check_name(spec.name)
        kind = await self._parts.preparer.check(spec)
        return await self._upkeep.change(lambda: self._create(spec, kind, id))

    async def _create(self, spec: ServiceSpec, kind: ModuleType, id: str | None) -> Supervisor:
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
        service = await self._upkeep.take_up(record)
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
        return await self._revise(id_or_name, lambda record: patched(record.spec, patch))

    async def replace(self, id_or_name: str, spec: ServiceSpec) -> Supervisor:
        """Give a service another specification of the same name; otherwise as `patch`."""
        return await self._revise(id_or_name, lambda _: spec)

    async def rollback(self, id_or_name: str, revision: int | None = None) -> Supervisor:
        """Return to an earlier revision, the one before if none is named, as a new one.

        Raises NotFound REVISION_NOT_FOUND; otherwise as `patch`.
        """
        return await self._revise(id_or_name, lambda record: earlier(record, revision))

    async def _revise(self, id_or_name: str, wanted: Callable[[ServiceRecord], ServiceSpec]) -> Supervisor:
        before = self.get(id_or_name).record
        spec = wanted(before)
        kind = await self._parts.preparer.check(spec)

        async def work() -> Supervisor:
            service = self.get(before.id)
            if service.record.spec is not before.spec:
                # Somebody else was quicker: what is wanted is laid over his specification.
                await self._parts.preparer.check(wanted(service.record))
            return await self._take_over(service, wanted(service.record), kind)

        return await self._upkeep.change(work)

    async def _take_over(self, service: Supervisor, spec: ServiceSpec, kind: ModuleType) -> Supervisor:
        require(service, "update")
        before = service.record
        if spec == before.spec:
            return service
        if spec.name != before.spec.name:
            raise Invalid("INVALID_REQUEST", f"Service `{service.name}` cannot be renamed.", hint="Leave `name` out.")
        replicas = count_after(before.replicas, before.spec.replicas, spec.replicas, self.replicas_most)
        self._admit(spec, replicas, service)
        self._parts.access.check_service(spec, type=kind, dependencies=self._dependencies(spec))
        record = revised(before, spec, replicas, self._parts.clock.now_ns())
        await self._upkeep.keep(record)
        service.adopt(record, rolls=rolls(before.spec, spec))
        self._tell_scaled(service, before.replicas, "update")
        return service

    async def start(self, id_or_name: str) -> Supervisor:
        """Start a stopped or failed service; answers before it runs. Raises Conflict INVALID_STATE."""

        async def work() -> Supervisor:
            service = self.get(id_or_name)
            require(service, "start")
            self._admit(service.spec, service.record.replicas, service)
            await self._upkeep.wish(service, desired="running", completed=False)
            service.begin()
            return service

        return await self._upkeep.change(work)

    async def stop(
        self,
        id_or_name: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - it bounds the guests' end, not this call
        force: bool = False,
    ) -> Supervisor:
        """Stop it and wait until it has; what is under way may end within `timeout` seconds."""
        service = await self._to_rest(id_or_name, "stop", timeout, force=force)
        await service.until(lambda: service.idle)
        return service

    async def delete(
        self,
        id_or_name: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - as above
        force: bool = False,
    ) -> Supervisor:
        """Stop it, forget it and all that was its own; volumes stay."""
        service = await self._to_rest(id_or_name, "delete", timeout, force=force)
        await service.until(lambda: service.forgotten)
        return service

    async def _to_rest(self, id_or_name: str, operation: str, seconds: float, *, force: bool) -> Supervisor:
        async def work() -> Supervisor:
            service = self.get(id_or_name)
            require(service, operation)
            await self._upkeep.wish(service, desired="deleted" if operation == "delete" else "stopped")
            service.rest(seconds, force=force)
            return service

        return await self._upkeep.change(work)

    async def restart(
        self,
        id_or_name: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - as above
        force: bool = False,
    ) -> int:
        """Replace its replicas one by one (with `force`, all at once); answers how many, once they are.

        Its module and files are read again. Raises what keeps it from being run now, such as NotFound MODULE_NOT_FOUND;
        then the replicas that run stay.
        """

        async def work() -> tuple[Supervisor, int]:
            service = self.get(id_or_name)
            require(service, "restart")
            await self._upkeep.wish(service)
            return service, service.renew(timeout, force=force)

        service, count = await self._upkeep.change(work)
        try:
            async with asyncio.timeout(RESTART_MOST + timeout * max(1, count)):
                await service.until(lambda: service.settled)
        except TimeoutError:
            # Its state says how far it has come; the answer counts those that are at work.
            return service.counts.healthy
        if service.stuck is not None:
            raise service.stuck
        return count

    async def scale(self, id_or_name: str, replicas: int, *, cause: str = "request") -> tuple[int, int]:
        """Set how many replicas there should be; answers how many before and now. It does not wait for them."""

        async def work() -> tuple[int, int]:
            service = self.get(id_or_name)
            require(service, "scale")
            check_scale(service.spec, replicas)
            self._admit(service.spec, replicas, service)
            before = service.record.replicas
            if replicas != before:
                await self._upkeep.wish(service, replicas=replicas)
                service.look()
                self._tell_scaled(service, before, cause)
            return before, replicas

        return await self._upkeep.change(work)

    def volume_full(self, service_id: str, volume: str) -> None:
        """A volume that the service writes to is over its quota: it is stopped until somebody starts it."""
        service = self.find(service_id)
        if service is not None:
            service.volume_full(volume)

    # The daemon's.

    def reconfigure(self, limits: admission.Limits) -> None:
        """Take other `[resources]` from now on; what runs is left as it is."""
        self._parts.limits = limits

    async def recover(self) -> None:
        """Take up what the state store holds and start what should run, in the order of dependencies.

        Raises Unavailable STATE_*.
        """
        await self._upkeep.recover()

    async def close(
        self,
        timeout: float,  # noqa: ASYNC109 - as above
        *,
        force: bool = False,
    ) -> int:
        """Stop all in reverse order of dependencies, keeping what each should be; answers how many ran."""
        return await self._upkeep.close(timeout, force=force)

    # Inside.

    def _records(self, but: Supervisor | None = None) -> Sequence[ServiceRecord]:
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

    def _tell_scaled(self, service: Supervisor, before: int, cause: str) -> None:
        now = service.record.replicas
        if before != now:
            self._parts.events.publish(
                "service.scaled",
                service_id=service.id,
                name=service.name,
                previous_replicas=before,
                new_replicas=now,
                cause=cause,
            )
