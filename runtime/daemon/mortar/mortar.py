"""Mortar: whole projects: deployed, looked at, removed; what was deployed is known after a restart too."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from catalog.catalog import nearest
from catalog.errors import FabricError, NotFound
from catalog.jsonvalue import Json
from runtime.clock import Clock
from runtime.daemon.ids import new_id
from runtime.daemon.mortar.deploying import GRACE, Deploying
from runtime.daemon.mortar.modules import Modules
from runtime.daemon.mortar.owners import check_owners
from runtime.daemon.mortar.ports import Fleet, Stores
from runtime.daemon.mortar.problems import Problem
from runtime.daemon.mortar.project import Project, stop_order
from runtime.daemon.mortar.reading import Read, read_project
from runtime.daemon.mortar.records import Deployed, Deployment, Undeployed
from runtime.daemon.mortar.status import Status, status_of
from runtime.daemon.networks import Networks
from runtime.daemon.policies import Policies
from runtime.daemon.services import Service
from runtime.state import StateStore
from runtime.wasm.modules.kept import Kept
from runtime.wasm.modules.store import ModuleStore

KIND = "deployment"
COME_UP = 60.0
"""Seconds that services may take to come up, where nothing is said."""


class Mortar:
    """All projects. One is deployed or removed at a time."""

    def __init__(
        self,
        *,
        state: StateStore,
        services: Fleet,
        networks: Networks,
        volumes: Stores,
        policies: Policies,
        modules: ModuleStore,
        clock: Clock,
        builds: asyncio.Semaphore | None = None,
    ) -> None:
        self._state = state
        self._services = services
        self._networks = networks
        self._volumes = volumes
        self._policies = policies
        self._modules = Modules(modules, slots=builds)
        self._clock = clock
        self._change = asyncio.Lock()
        self._under_way: str | None = None
        self._deployments: dict[str, Deployment] = {}

    async def load(self) -> None:
        """Take up what was deployed; its policies hold from now on. To be called before services start."""
        for document in self._state.load(KIND):
            deployment = msgspec.json.decode(document, type=Deployment)
            self._deployments[deployment.project] = deployment
            self._policies.put_project(deployment.project, deployment.policies)

    async def deploy(
        self,
        text: str,
        *,
        profile: str | None = None,
        build: bool = True,
        force_recreate: bool = False,
        variables: Mapping[str, Json] | None = None,
        base_dir: Path | None = None,
        strict: bool = False,
        timeout: float = COME_UP,  # noqa: ASYNC109 - it bounds services' start, not builds
    ) -> Deployed:
        """Bring everything to what the project file says; what is so already is left alone.

        Answers when all services run and are healthy. If something fails, what was done is undone. Raises Invalid
        INVALID_REQUEST, GuestFailed BUILD_FAILED and RUNTIME_ERROR, Conflict INVALID_STATE and SERVICE_ALREADY_EXISTS,
        Forbidden FORBIDDEN, TooMany RESOURCE_LIMIT_EXCEEDED.
        """
        read = await asyncio.to_thread(
            read_project, text, profile=profile, variables=variables, base=base_dir, strict=strict
        )
        read.findings.check()
        assert read.project is not None  # noqa: S101 - without errors there is a project
        async with self._change:
            self._under_way = read.project.name
            kept = self._modules.kept()
            try:
                work = await self._prepare(read.project, build, base_dir, kept)
                await work.run(force_recreate=force_recreate, timeout=timeout)
                deployment = await self._keep(read, read.project, profile, work)
            finally:
                self._under_way = None
                await asyncio.to_thread(kept.let_go)
        return Deployed(deployment=deployment, outcome=work.outcome, warnings=tuple(read.findings.warnings))

    async def _prepare(self, project: Project, build: bool, base: Path | None, kept: Kept) -> Deploying:
        """Everything that changes nothing but the module store."""
        parts = (self._services, self._networks, self._volumes, self._policies)
        check_owners(project, *parts[:3])
        try:
            digests, built = await self._modules.ready(project, building=build, base=base, kept=kept)
        except (FabricError, asyncio.CancelledError):
            await asyncio.to_thread(kept.put_back)
            raise
        work = Deploying(project, digests, self._deployments.get(project.name), kept, *parts)
        work.outcome.built = built
        return work

    async def _keep(self, read: Read, project: Project, profile: str | None, work: Deploying) -> Deployment:
        before, now = self._deployments.get(project.name), self._clock.now_ns()
        deployment = Deployment(
            id=new_id("deploy"),
            project=project.name,
            version=project.version,
            profile=profile,
            services=work.fingerprints,
            policies=project.policies,
            written=read.written,
            deployed_at_ns=now if before is None else before.deployed_at_ns,
            updated_at_ns=now,
        )
        if before is not None and not work.outcome.changed:
            same = {"id": before.id, "updated_at_ns": before.updated_at_ns}
            deployment = msgspec.structs.replace(deployment, **same)
        await self._state.put(KIND, project.name, msgspec.json.encode(deployment))
        self._deployments[project.name] = deployment
        return deployment

    async def undeploy(
        self,
        project: str,
        *,
        remove_volumes: bool = False,
        timeout: float = GRACE,  # noqa: ASYNC109 - it bounds the guests' end
    ) -> Undeployed:
        """Remove a project's services, those that depend on others first, then its networks and policies.

        Volumes, and what is in them, stay unless `remove_volumes`. Raises NotFound PROJECT_NOT_FOUND.
        """
        async with self._change:
            services = self._of(project)
            if not services and not any(each.spec.project == project for each in self._networks.list()):
                # What a killed daemon left of a first deployment is known by its owner alone.
                self._get(project)
            removed = stop_order(services)
            for service in removed:
                await self._services.delete(service.id, timeout=timeout)
            networks, kept = await self._remove_networks(project)
            volumes = await self._remove_volumes(project) if remove_volumes else ()
            self._policies.remove_project(project)
            await self._state.delete(KIND, project)
            self._deployments.pop(project, None)
            return Undeployed(
                project=project,
                services=tuple(each.name for each in removed),
                networks=networks,
                volumes=volumes,
                networks_kept=kept,
                at_ns=self._clock.now_ns(),
            )

    async def _remove_networks(self, project: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        removed, kept = [], []
        for network in self._networks.list():
            if network.spec.project != project:
                continue
            names = {network.id, network.spec.name}
            if any(not names.isdisjoint(each.spec.networks) for each in self._services.list()):
                kept.append(network.spec.name)
                continue
            await self._networks.delete(network.id)
            removed.append(network.spec.name)
        return tuple(removed), tuple(kept)

    async def _remove_volumes(self, project: str) -> tuple[str, ...]:
        names = [each.spec.name for each in self._volumes.list() if each.spec.project == project]
        for name in names:
            await self._volumes.delete(name)
        return tuple(names)

    async def validate(
        self,
        text: str,
        *,
        profile: str | None = None,
        base_dir: Path | None = None,
        strict: bool = False,
    ) -> list[Problem]:
        """Everything that is wrong with a project file or worth a warning; nothing is built, started or looked up.

        Raises Invalid INVALID_REQUEST for what is not TOML.
        """
        read = await asyncio.to_thread(read_project, text, profile=profile, base=base_dir, strict=strict, look_up=False)
        return read.findings.all

    def status(self, project: str) -> Status:
        """How a project is. Raises NotFound PROJECT_NOT_FOUND."""
        return status_of(self._get(project), self._of(project), deploying=self._under_way == project)

    def size(self, project: str) -> int:
        """How many services a project has."""
        return len(self._of(project))

    def list(self) -> list[Status]:
        """How all projects are, by name."""
        return [self.status(each) for each in sorted(self._deployments)]

    def _of(self, project: str) -> Sequence[Service]:
        return [each for each in self._services.list() if each.spec.project == project]

    def _get(self, project: str) -> Deployment:
        found = self._deployments.get(project)
        if found is None:
            meant = nearest(project, self._deployments)
            raise NotFound(
                "PROJECT_NOT_FOUND",
                f"Project `{project}` is not deployed.",
                hint=f"Did you mean `{meant}`?" if meant else None,
                details={"project_name": project, "available_projects": sorted(self._deployments)[:20]},
            )
        return found
