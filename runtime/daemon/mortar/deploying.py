"""Deploying: one project brought to what its file says. What was done is undone if a later step fails."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import structlog

from catalog.errors import FabricError, GuestFailed
from runtime.daemon.mortar.ports import Fleet, Stores
from runtime.daemon.mortar.project import Part, Project, stop_order
from runtime.daemon.mortar.records import Deployment, Outcome, fingerprint
from runtime.daemon.networks import Networks
from runtime.daemon.policies import Policies
from runtime.daemon.services import Service
from runtime.wasm.modules.kept import Kept

GRACE = 10.0
"""Seconds that guests are given to end what is under way."""

Undo = Callable[[], Awaitable[object]]
_log = structlog.get_logger("fabric.mortar")


class Deploying:
    """One deployment under way. `before` is what is known of the project's last one."""

    def __init__(
        self,
        project: Project,
        digests: Mapping[str, str],
        before: Deployment | None,
        kept: Kept,
        fleet: Fleet,
        networks: Networks,
        volumes: Stores,
        policies: Policies,
    ) -> None:
        self._project = project
        self._digests = digests
        self._before = before
        self._kept = kept
        self._fleet = fleet
        self._networks = networks
        self._volumes = volumes
        self._policies = policies
        self._undo: list[Undo] = []
        self._moved: list[str] = []
        """Ids of services that were made, changed or started, or start by themselves, and are to come up."""
        self._rebuilt: set[str] = set()
        """Those of them whose replicas are to be replaced first: they run an earlier module."""
        self.outcome = Outcome()
        self.fingerprints = {part.spec.name: fingerprint(part.spec, digests[part.spec.name]) for part in project.parts}

    async def run(self, *, force_recreate: bool, timeout: float) -> None:  # noqa: ASYNC109 - services' time, see below
        """Do all of it; `timeout` is how many seconds services may take to come up.

        Raises what its parts refuse, GuestFailed RUNTIME_ERROR for a service that does not come up; then all is as it
        was before, as far as that can be.
        """
        try:
            await self._make_room()
            self._put_policies()
            await self._move_services(force_recreate)
            await self._come_up(timeout)
        except (FabricError, asyncio.CancelledError):
            await self._roll_back()
            raise
        # From here on nothing is undone: what was is no longer wanted.
        await self._remove_services(self._left_over())
        await self._remove_networks()

    async def _make_room(self) -> None:
        for spec in self._project.networks:
            network = self._networks.find(spec.name)
            if network is None:
                await self._networks.create(spec)
                self._undo.append(partial(self._networks.delete, spec.name))
                self.outcome.networks_created.append(spec.name)
            elif network.spec != spec:
                await self._networks.replace(spec.name, spec)
                self._undo.append(partial(self._networks.replace, spec.name, network.spec))
                self.outcome.networks_updated.append(spec.name)
        for volume in self._project.volumes:
            if self._volumes.find(volume.name) is None:
                await self._volumes.create(volume)
                self._undo.append(partial(self._volumes.delete, volume.name))
                self.outcome.volumes_created.append(volume.name)

    def _put_policies(self) -> None:
        self._policies.put_project(self._project.name, self._project.policies)
        self._undo.append(self._put_back_policies)

    async def _put_back_modules(self) -> None:
        await asyncio.to_thread(self._kept.put_back)

    async def _put_back_policies(self) -> None:
        if self._before is None:
            self._policies.remove_project(self._project.name)
        else:
            self._policies.put_project(self._project.name, self._before.policies)

    async def _move_services(self, force_recreate: bool) -> None:
        ours = self._ours()
        if force_recreate:
            gone = [ours.pop(part.spec.name) for part in reversed(self._project.parts) if part.spec.name in ours]
            for service in gone:
                await self._delete(service)
        wanted = {port.host for part in self._project.parts for port in part.spec.ports}
        for service in self._left_over():
            if any(port.host in wanted for port in service.spec.ports):
                await self._delete(service)
                self.outcome.removed.append(service.name)
        for part in self._in_order(ours):
            there = ours.get(part.spec.name)
            if there is None:
                made = await self._fleet.create(part.spec)
                self._undo.append(partial(self._fleet.delete, made.id, timeout=GRACE))
                self._moved.append(made.id)
                self.outcome.created.append(part.spec.name)
            else:
                await self._change(there, part)

    async def _change(self, service: Service, part: Part) -> None:
        name, old = service.name, service.spec
        known = self._before.services.get(name) if self._before is not None else None
        rebuilt = known is not None and old == part.spec and known != self.fingerprints[name]
        if old != part.spec:
            await self._fleet.replace(service.id, part.spec)
            self._undo.append(partial(self._fleet.replace, name, old))
        elif rebuilt and service.state in ("starting", "running"):
            # The same name for another module: replicas are replaced, the specification stays.
            self._rebuilt.add(service.id)
            self._undo.append(partial(self._fleet.restart, service.id, timeout=GRACE))
        if service.state in ("stopped", "failed") and (rebuilt or not _completed(service)):
            await self._fleet.start(service.id)
        elif old == part.spec and not rebuilt:
            self.outcome.unchanged.append(name)
            if service.state in ("pending", "starting"):
                self._moved.append(service.id)
            return
        self._moved.append(service.id)
        self.outcome.updated.append(name)

    async def _come_up(self, timeout: float) -> None:  # noqa: ASYNC109 - it is handed on
        """Wait until all that moved run and are healthy; the first that fails ends it."""
        waiting = [asyncio.ensure_future(self._up(each, timeout)) for each in self._moved]
        try:
            for done in asyncio.as_completed(waiting):
                _check_up(await done, timeout)
        finally:
            for each in waiting:
                each.cancel()

    async def _up(self, service: str, timeout: float) -> Service:  # noqa: ASYNC109 - as above
        until = asyncio.get_running_loop().time() + timeout
        if service in self._rebuilt:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._fleet.restart(service, timeout=GRACE)
        return await self._fleet.settled(service, max(0.0, until - asyncio.get_running_loop().time()))

    async def _remove_services(self, services: Sequence[Service]) -> None:
        for service in stop_order(services):
            await self._fleet.delete(service.id, timeout=GRACE)
            self.outcome.removed.append(service.name)

    async def _remove_networks(self) -> None:
        wanted = {each.name for each in self._project.networks}
        for network in self._networks.list():
            if network.spec.project != self._project.name or network.spec.name in wanted:
                continue
            names = {network.id, network.spec.name}
            if any(not names.isdisjoint(each.spec.networks) for each in self._fleet.list()):
                continue
            await self._networks.delete(network.id)
            self.outcome.networks_removed.append(network.spec.name)

    async def _delete(self, service: Service) -> None:
        spec = service.spec
        await self._fleet.delete(service.id, timeout=GRACE)
        self._undo.append(partial(self._fleet.create, spec))

    async def _roll_back(self) -> None:
        # Modules first: services that are put back are made of them again.
        for undo in (self._put_back_modules, *reversed(self._undo)):
            try:
                await undo()
            except FabricError as error:
                # The first error is what the caller must know; this one says what is left behind.
                _log.warning("mortar.rollback", project=self._project.name, code=error.code, message=error.message)

    def _in_order(self, ours: Mapping[str, Service]) -> list[Part]:
        """Start order, but a service that gives a port up comes before those that take it."""
        taken = {port.host: part.spec.name for part in self._project.parts for port in part.spec.ports}
        giving = {
            name
            for name, service in ours.items()
            if any(taken.get(port.host, name) != name for port in service.spec.ports)
        }
        return sorted(self._project.parts, key=lambda part: part.spec.name not in giving)

    def _ours(self) -> dict[str, Service]:
        return {each.name: each for each in self._fleet.list() if each.spec.project == self._project.name}

    def _left_over(self) -> list[Service]:
        wanted = {part.spec.name for part in self._project.parts}
        return [each for name, each in self._ours().items() if name not in wanted]


def _completed(service: Service) -> bool:
    return any(each.state == "completed" for each in service.instances)


def _check_up(service: Service, timeout: float) -> None:
    # Degraded is what runs an earlier revision still, or without one of its ports.
    if service.state == "running" and service.settled and not service.degraded:
        return
    if service.state == "stopped" or _completed(service):
        return
    waited = f" after {timeout:g} s" if service.state in ("pending", "starting", "running") else ""
    reason = f": {service.reason}" if service.reason else ""
    condition = f"is {service.state} and {service.health}"
    if service.state == "running" and not service.settled:
        condition = "still runs what it ran before, because the new replicas are not healthy"
    raise GuestFailed(
        "RUNTIME_ERROR",
        f"Service `{service.name}` {condition}{waited}{reason}".rstrip(".") + ".",
        hint=f"Look at `fabric service logs {service.name}`; what this deployment had changed was undone.",
        details={"service_id": service.id, "service": service.name, "state": service.state, "health": service.health},
    )
