"""Transfer: modules to a registry and back. A blob that is there already is not moved again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import NotFound, TargetFailed, TargetTimeout, TooLarge, Unavailable
from runtime.wasm.modules.describing import shape_of
from runtime.wasm.modules.manifest import Descriptor, Manifest, decode_manifest
from runtime.wasm.modules.media_types import MANIFEST
from runtime.wasm.modules.module import ModuleInfo
from runtime.wasm.modules.progress import SILENT, Progress
from runtime.wasm.modules.references import Reference
from runtime.wasm.modules.registry_settings import RegistrySettings
from runtime.wasm.modules.staging import BLOB_MOST, Staging, corrupt
from runtime.wasm.modules.store import ModuleStore, Stored

TRANSFER_SECONDS = 3600.0
"""How long a push or a pull may take."""

if TYPE_CHECKING:
    from runtime.wasm.modules.registry import Moved, Registry


async def push(
    store: ModuleStore,
    reference: str,
    *,
    to: str | None = None,
    settings: RegistrySettings,
    insecure: bool = False,
    progress: Progress = SILENT,
) -> ModuleInfo:
    """Send a module to the registry that its reference, or `to`, names; `insecure`: over http.

    Raises NotFound MODULE_NOT_FOUND; Unavailable REGISTRY_UNREACHABLE, REGISTRY_INSECURE; Forbidden REGISTRY_DENIED;
    TargetFailed REGISTRY_ANSWER; TargetTimeout REGISTRY_TIMEOUT.
    """
    return await asyncio.to_thread(_push, store, reference, to or reference, settings, insecure, progress)


async def pull(
    store: ModuleStore,
    reference: str,
    *,
    name: str | None = None,
    settings: RegistrySettings,
    insecure: bool = False,
    progress: Progress = SILENT,
) -> ModuleInfo:
    """Fetch a module from its registry, or one of that registry's mirrors, into the store: all of it, or nothing.

    It is stored as `name`, else as `reference` says: one that names no registry has none in its name here either. Every
    blob's digest is checked. Raises what `push` raises; Invalid MODULE_MANIFEST (an index, or no module); Unavailable
    MODULE_CORRUPT; TooLarge MODULE_TOO_LARGE.
    """
    return await asyncio.to_thread(_pull, store, reference, name, settings, insecure, progress)


def _push(
    store: ModuleStore, reference: str, to: str, settings: RegistrySettings, insecure: bool, progress: Progress
) -> ModuleInfo:
    stored, target = store.read(reference), settings.reference(to)
    content, told = store.layout.read(stored.entry), store.get(stored.name)
    registry = _registry(target.registry, settings, insecure)
    with store.layout.staging() as place:
        # Held on to, so that the module may be removed meanwhile.
        paths = {blob.digest: _held(store, stored, blob, place) for blob in stored.manifest.blobs}
        for blob in stored.manifest.blobs:
            if registry.has_blob(target, blob.digest):
                progress.step(f"{blob.digest[:19]} is there")
                continue
            registry.upload(target, blob, store.checked(blob, paths[blob.digest]), _moved(progress, blob))
    registry.put_manifest(target, content, stored.manifest.media_type or MANIFEST)
    progress.step(f"pushed {target.canonical}")
    return told


def _held(store: ModuleStore, stored: Stored, blob: Descriptor, place: Staging) -> Path:
    if not place.link(store.layout.blob(blob.digest), blob.hex):
        store.entry(stored.name)
        raise corrupt(blob, "it is not there")
    return place.folder / blob.hex


def _pull(
    store: ModuleStore,
    reference: str,
    name: str | None,
    settings: RegistrySettings,
    insecure: bool,
    progress: Progress,
) -> ModuleInfo:
    wanted = settings.reference(reference)
    name = name or settings.named(reference).stored
    hosts = (*settings.mirrors.get(wanted.registry, ()), wanted.registry)
    for host in hosts[:-1]:
        registry = _registry(host, settings, False)
        try:
            return _pull_from(registry, wanted, store, name, progress)
        except (NotFound, Unavailable, TargetFailed, TargetTimeout) as error:
            progress.step(f"warning: {error.message}")
    return _pull_from(_registry(wanted.registry, settings, insecure), wanted, store, name, progress)


def _pull_from(registry: Registry, wanted: Reference, store: ModuleStore, name: str, progress: Progress) -> ModuleInfo:
    content, digest = registry.manifest(wanted)
    manifest = decode_manifest(content, wanted.canonical)
    shape_of(manifest, wanted.canonical)
    _check_sizes(manifest, wanted.canonical)

    def gather(place: Staging) -> bytes:
        for blob in manifest.blobs:
            if place.link(store.layout.blob(blob.digest), blob.hex):
                progress.step(f"{blob.digest[:19]} is here")
                continue
            pieces = registry.blob(wanted, blob, _moved(progress, blob))
            place.put(pieces, blob.media_type, wanted=blob)
        return content

    found = store.add(gather, name)
    progress.step(f"pulled {wanted.canonical} ({digest})")
    return found


def _moved(progress: Progress, blob: Descriptor) -> Moved:
    return lambda done: progress.moved(blob.digest, done, blob.size)


def _check_sizes(manifest: Manifest, name: str) -> None:
    size = sum(each.size for each in manifest.blobs)
    if size > BLOB_MOST:
        raise TooLarge("MODULE_TOO_LARGE", f"`{name}` has {size} bytes, over {BLOB_MOST}.", hint="Make it smaller.")


def _registry(host: str, settings: RegistrySettings, insecure: bool) -> Registry:
    from runtime.wasm.modules.registry import Registry  # noqa: PLC0415 - oras and requests take a quarter of a second

    plain = (*settings.insecure, host) if insecure else settings.insecure
    return Registry(host, credentials=settings.credentials.get(host), plain=plain)
