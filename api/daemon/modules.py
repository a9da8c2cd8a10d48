"""/v1/modules: the store's modules: listed, shown, added, tagged, removed, pushed and pulled."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from api.daemon.endpoint import Answer, Asked, Endpoint, NoQuery, Upload
from api.daemon.shown_module import listed, shown
from api.daemon.stream import pour
from api.daemon.times import stamp
from api.daemon.transfers import transferred
from api.daemon.uploads import uploaded
from catalog.errors import Conflict, Invalid
from catalog.jsonvalue import Json
from runtime.forms.workload import ModuleType
from runtime.wasm.modules import ModuleInfo, ModuleStore
from runtime.wasm.modules.archive import export_layout, gather_path
from runtime.wasm.modules.progress import Progress
from runtime.wasm.modules.registry_settings import Credentials, RegistrySettings, read_registry_settings
from runtime.wasm.modules.staging import BLOB_MOST
from runtime.wasm.modules.transfer import TRANSFER_SECONDS, pull, push

UPLOAD_MOST = BLOB_MOST
UPLOAD_SECONDS = 600.0
TAR = "application/x-tar"
_PIECE = 256 * 1024

Name = Annotated[str, Meta(min_length=1, max_length=512)]


class ShowQuery(msgspec.Struct, frozen=True, kw_only=True):
    """With `archive` the module itself, as the tar of an OCI layout."""

    archive: bool = False


class AddQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The name; `path` is a file or folder on the daemon's machine in place of a body; `type` is for a bare `.wasm`."""

    reference: Name = ""
    path: str | None = None
    type: ModuleType | None = None


class RemoveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`force`: even if a service runs it."""

    force: bool = False


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A module and its further name."""

    reference: Name
    name: Name


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Which module is pushed to `to`, or pulled and stored as `to`; `insecure`: over http; `mirrors` are asked first.

    `username` and `password` log in there.
    """

    reference: Name
    to: str | None = None
    insecure: bool = False
    mirrors: tuple[str, ...] = ()
    username: str | None = None
    password: str | None = None


async def list_modules(asked: Asked[None, NoQuery]) -> Answer:
    """Modules by reference."""
    found = await asyncio.to_thread(asked.daemon.modules.list)
    return Answer({"modules": [listed(each) for each in found], "total": len(found)})


async def get_module(asked: Asked[None, ShowQuery]) -> Answer:
    """A module with its layers, its capabilities, what its wasm imports and exports; or its archive."""
    if asked.query.archive:
        return await _archive(asked)
    return Answer(await asyncio.to_thread(_shown, asked.daemon.modules, _reference(asked), _images(asked)))


async def add_module(asked: Asked[Upload, AddQuery]) -> Answer:
    """Store a module: a `.wasm`, or an OCI layout as a tar. Blobs that the store has may be left out of it."""
    query, store = asked.query, asked.daemon.modules
    if not query.reference:
        raise Invalid("INVALID_REQUEST", "The query names no `reference`.", hint="Send `?reference=name:tag`.")
    if query.path is not None:
        path = Path(query.path)
        if not path.is_absolute():
            raise Invalid("INVALID_REQUEST", "`path` is not absolute.", hint="Name a file on the daemon's machine.")
        asked.allow(UPLOAD_SECONDS)
        info = await asyncio.to_thread(store.add, gather_path(path, query.type), query.reference)
        return Answer(listed(info), 201)
    async with (
        _staged(store) as folder,
        uploaded(asked, most=UPLOAD_MOST, seconds=UPLOAD_SECONDS, folder=folder) as path,
    ):
        gather = gather_path(path, query.type, known=store.layout.blob)
        info = await asyncio.to_thread(store.add, gather, query.reference)
    return Answer(listed(info), 201)


async def tag_module(asked: Asked[Tag, NoQuery]) -> Answer:
    """Give a module a further name."""
    info = await asyncio.to_thread(asked.daemon.modules.tag, asked.body.reference, asked.body.name)
    return Answer(listed(info), 201)


async def delete_module(asked: Asked[None, RemoveQuery]) -> Answer:
    """Take a name away, and what no other name needs. Not while a service runs it, unless forced."""
    store, name = asked.daemon.modules, _reference(asked)
    found = await asyncio.to_thread(store.get, name)
    users = await asyncio.to_thread(_used_by, store, found, _images(asked))
    if users and not asked.query.force:
        raise Conflict(
            "MODULE_IN_USE",
            f"`{found.reference}` is what {len(users)} service{' runs' if len(users) == 1 else 's run'}.",
            hint="Remove them first, or send `force=true`: they run on, but cannot start again.",
            details={"services": users},
        )
    removed = await asyncio.to_thread(store.remove, found.reference)
    deleted = {
        "reference": removed.reference,
        "digest": removed.digest,
        "deleted_at": stamp(asked.daemon.clock.now_ns()),
    }
    return Answer(deleted)


async def push_module(asked: Asked[Transfer, NoQuery]) -> Answer:
    """Send a module to its registry."""
    body, store = asked.body, asked.daemon.modules

    async def work(progress: Progress) -> Json:
        settings = await asyncio.to_thread(_settings, body, body.to or body.reference)
        info = await push(
            store, body.reference, to=body.to, settings=settings, insecure=body.insecure, progress=progress
        )
        return listed(info)

    return await transferred(asked, work, seconds=TRANSFER_SECONDS)


async def pull_module(asked: Asked[Transfer, NoQuery]) -> Answer:
    """Fetch a module from its registry into the store."""
    body, store = asked.body, asked.daemon.modules

    async def work(progress: Progress) -> Json:
        settings = await asyncio.to_thread(_settings, body, body.reference)
        info = await pull(
            store, body.reference, name=body.to, settings=settings, insecure=body.insecure, progress=progress
        )
        return listed(info)

    return await transferred(asked, work, seconds=TRANSFER_SECONDS)


def _reference(asked: Asked[None, ShowQuery] | Asked[None, RemoveQuery]) -> str:
    # Sanic does not decode a parameter of several segments; a reference itself has no `%`.
    return unquote(asked.path["reference"])


def _images(asked: Asked[None, ShowQuery] | Asked[None, RemoveQuery]) -> dict[str, str]:
    """Service to image."""
    return {each.name: each.spec.image for each in asked.daemon.services.list()}


def _shown(store: ModuleStore, name: str, images: Mapping[str, str]) -> dict[str, Json]:
    info = store.get(name)
    return {**shown(store, info), "used_by": _used_by(store, info, images)}


def _used_by(store: ModuleStore, info: ModuleInfo, images: Mapping[str, str]) -> list[str]:
    """Services whose image is this very name."""
    found = {image: store.find(image) for image in set(images.values())}
    return [name for name, image in images.items() if (each := found[image]) and each.reference == info.reference]


def _settings(body: Transfer, reference: str) -> RegistrySettings:
    """The daemon's own, and what came with the request."""
    settings = read_registry_settings(Path.home() / ".fabricks", os.environ)
    host = settings.reference(reference).registry
    if body.username and body.password:
        logins = {**settings.credentials, host: Credentials(body.username, body.password)}
        settings = msgspec.structs.replace(settings, credentials=logins)
    if body.mirrors:
        settings = msgspec.structs.replace(settings, mirrors={**settings.mirrors, host: body.mirrors})
    return settings


async def _archive(asked: Asked[None, ShowQuery]) -> Answer:
    store = asked.daemon.modules
    async with _staged(store) as folder:
        path = folder / "module.tar"
        stored = await asyncio.to_thread(store.read, _reference(asked))
        await asyncio.to_thread(export_layout, store.layout.blob, stored.entry, stored.manifest, stored.name, path)
        return await pour(asked, _pieces(path), bytes, TAR)


@asynccontextmanager
async def _staged(store: ModuleStore) -> AsyncIterator[Path]:
    """A folder of the store that is gone afterwards, whatever becomes of this process."""
    staging = store.layout.staging()
    place = await asyncio.to_thread(staging.__enter__)
    try:
        yield place.folder
    finally:
        await asyncio.to_thread(staging.__exit__, None, None, None)


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


def _endpoint(method: str, path: str, handler: Json, *, gives: int = 200, owned: bool = True) -> Endpoint:
    return Endpoint(method=method, path=f"/v1/modules{path}", handler=handler, gives={gives: dict}, owned=owned)


ENDPOINTS = (
    _endpoint("GET", "", list_modules, owned=False),
    # Not owned: what comes in with the request ends with it. The store takes all of a module or nothing.
    _endpoint("POST", "", add_module, gives=201, owned=False),
    _endpoint("POST", "/tag", tag_module, gives=201),
    _endpoint("POST", "/push", push_module),
    _endpoint("POST", "/pull", pull_module),
    _endpoint("GET", "/{reference*}", get_module, owned=False),
    _endpoint("DELETE", "/{reference*}", delete_module),
)
