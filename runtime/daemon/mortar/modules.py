"""Modules of a project: built from its folders, or there already."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import FabricError, Invalid, NotFound
from runtime.daemon.mortar.contents import contents_digest
from runtime.daemon.mortar.project import Part, Project
from runtime.wasm.modules.building import build
from runtime.wasm.modules.fabrickfile import NetworkCapability
from runtime.wasm.modules.kept import Kept
from runtime.wasm.modules.store import ModuleStore


class Modules:
    """Looks after the modules of a project's services. `slots` bounds builds side by side."""

    def __init__(self, store: ModuleStore, *, slots: asyncio.Semaphore | None = None) -> None:
        self._store = store
        self._slots = slots

    def kept(self) -> Kept:
        """What holds on to modules that builds may replace."""
        return Kept(self._store)

    async def ready(
        self, project: Project, *, building: bool, base: Path | None, kept: Kept
    ) -> tuple[dict[str, str], list[str]]:
        """What every service is made of, as a digest by the service's name, and the names of those that were built.

        That is its module and the files it is given. `kept` holds on to what builds replace.

        Raises Invalid INVALID_REQUEST that names every module that is missing; GuestFailed BUILD_FAILED and what else
        `build` raises.
        """
        built: list[str] = []
        folders = [(part, part.build) for part in project.parts if building and part.build is not None]
        await asyncio.to_thread(kept.keep, [part.spec.image for part, _ in folders])
        for part, folder in folders:
            await self._build(part, folder, base)
            built.append(part.spec.name)
        digests, problems = await asyncio.to_thread(self._look_up, project)
        if problems:
            raise Invalid(
                "INVALID_REQUEST",
                f"The project's modules or files are not fit: {'; '.join(problems)}.",
                hint="Modules are built with `fabric module build`, or by deploying with `build`.",
                details={"problems": list(problems)},
            )
        return digests, built

    async def _build(self, part: Part, folder: Path, base: Path | None) -> None:
        if base is None:
            raise Invalid(
                "INVALID_REQUEST",
                f"Service `{part.key}` is built from `{folder}`, and nobody says below which folder that is.",
                hint="Send `mortar_path`, or `base_dir` beside `mortar`.",
            )
        await build(folder, self._store, tag=part.spec.image, slots=self._slots)

    def _look_up(self, project: Project) -> tuple[dict[str, str], Sequence[str]]:
        digests: dict[str, str] = {}
        problems: list[str] = []
        for part in project.parts:
            try:
                module = self._store.get(part.spec.image).digest
                digests[part.spec.name] = f"{module} {contents_digest(part.spec.files)}"
                if project.deny_wildcard_connect:
                    problems += self._wildcards(part)
            except (Invalid, NotFound) as error:
                problems.append(f"service `{part.key}`: {_clause(error)}")
        return digests, problems

    def _wildcards(self, part: Part) -> list[str]:
        network: NetworkCapability = self._store.resolve(part.spec.image).fabrickfile.capabilities.network
        if not network.allow_all_outbound and not any("*" in each for each in network.connect):
            return []
        return [f"service `{part.key}`: its module may connect to any host, which `[validate]` denies"]


def _clause(error: FabricError) -> str:
    """An error's sentence as a part of a longer one."""
    return f"{error.message[:1].lower()}{error.message[1:]}".rstrip(".")
