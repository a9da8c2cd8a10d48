"""`fabric module build`: the build itself, on this machine, and its way into the store."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from api.cli.modules import DaemonModules, Modules, StoreModules
from catalog.jsonvalue import Json
from runtime.wasm.modules.building import build, parent_image, read_folder
from runtime.wasm.modules.progress import Progress
from runtime.wasm.modules.store import ModuleStore


def built(
    modules: Modules, folder: Path, tags: Sequence[str], *, run_build: bool, strict: bool, progress: Progress
) -> Json:
    """Build the module of `folder` and store it under its tags. Raises what `building.build` raises."""
    first = tags[0] if tags else None
    if isinstance(modules, StoreModules):
        made = _run(folder, modules.store, first, run_build=run_build, strict=strict, progress=progress)
        answer = modules.show(made)
    else:
        assert isinstance(modules, DaemonModules)  # noqa: S101 - there are these two
        answer = _for_daemon(modules, folder, first, run_build=run_build, strict=strict, progress=progress)
    for further in tags[1:]:
        modules.tag(answer["reference"], further)
    return answer


def _for_daemon(
    modules: DaemonModules, folder: Path, tag: str | None, *, run_build: bool, strict: bool, progress: Progress
) -> Json:
    # Before a long build: is there a daemon, and has it what this module is built on?
    image = parent_image(read_folder(folder, strict=strict).fabrickfile)
    modules.rows()
    with tempfile.TemporaryDirectory(prefix="fabric-") as temporary:
        local = ModuleStore(Path(temporary, "storage"), Path(temporary, "unpacked"))
        there = modules.fetch(image, local) if image is not None else ()
        made = _run(folder, local, tag, run_build=run_build, strict=strict, progress=progress)
        progress.step(f"storing {made}")
        return modules.send(local, made, without=there)


def _run(
    folder: Path, store: ModuleStore, tag: str | None, *, run_build: bool, strict: bool, progress: Progress
) -> str:
    return asyncio.run(build(folder, store, tag=tag, run_build=run_build, strict=strict, progress=progress)).reference
