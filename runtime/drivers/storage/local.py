"""The driver `local`: a storage that is a folder of this machine, with the mounts that are watched besides."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import refused
from runtime.drivers.lanes import Lanes
from runtime.drivers.link import Link
from runtime.drivers.storage.face import Blob, Condition, Pool
from runtime.drivers.storage.folder import Folder, no_directory
from runtime.drivers.storage.listing import Listing
from runtime.drivers.storage.mounts import pool_of
from runtime.drivers.storage.settings import LocalSettings

T = TypeVar("T")

_LANES = Lanes()
"""A disk that hangs, such as a server of NFS that is gone, keeps four threads of its controller and no more."""


class Local:
    """Implements Storage."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(LocalSettings, link.settings)
        self._directory = Path(self._settings.directory)
        self._folder = Folder(self._directory, link.target)

    async def check(self) -> Sequence[Check]:
        """See Peer."""
        try:
            condition = await self.condition()
        except FabricError as error:
            return [Check(name="open folder", ok=False, detail=error.message, code=error.code, hint=error.hint)]
        pool = condition.pools[0]
        detail = f"{pool.pool} ({pool.filesystem}): {pool.used_percent} % used"
        return [
            Check(name="open folder", ok=True, detail=detail),
            Check(
                name="write",
                ok=condition.writable,
                detail=str(self._directory),
                hint=None if condition.writable else "The user that the server runs as may not write there.",
            ),
        ]

    async def devices(self) -> Sequence[Device]:
        """See Peer: a folder has none."""
        return ()

    async def condition(self) -> Condition:
        """See Storage."""
        return await self._run("for its room", self._condition)

    async def blobs(self, prefix: str, after: str, limit: int) -> Sequence[Blob]:
        """See Storage."""
        return await self._run("for its files", lambda: self._folder.page(Listing(prefix, after, limit)), None)

    async def look(self, path: str) -> Json:
        """See Storage."""
        return await self._run("for a file", lambda: self._folder.look(path), path)

    async def write(self, path: str, content: bytes, media_type: str, key: str, before: Json) -> None:
        """See Storage."""
        draft = f"fabric-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        # One thread from draft to rename: whoever cancels the wait cannot stop it half way.
        await self._run("for a file to be written", lambda: self._folder.write(path, content, draft, before), path)

    async def _run(self, what: str, work: Callable[[], T], path: str | None = "") -> T:
        """Do that in a thread; `path` is what it touches, None: everything below the folder."""

        def guarded() -> T:
            self._check_not_ours(path)
            return work()

        async with self._link.reaching(what):
            return await _LANES.run(self._link.target, guarded)

    def _check_not_ours(self, path: str | None) -> None:
        """Whoever may add controllers is not by that the server's operator, whose keys lie in the data directory."""
        home = self._link.ports.home
        if home is None:
            return
        ours, folder = home.parent.resolve(), self._directory.resolve()
        if (folder / (path or "")).is_relative_to(ours) or (path is None and ours.is_relative_to(folder)):
            raise refused(
                self._link.target,
                "the server's own data lies there",
                "Name a folder outside the server's data directory.",
            )

    def _condition(self) -> Condition:
        writable = self._directory.is_dir() and os.access(self._directory, os.W_OK | os.X_OK)
        pools = [self._pool(self._directory, "directory")]
        for each in self._settings.mounts:
            pool = self._pool(Path(each), "mounts")
            if pool.pool not in [known.pool for known in pools]:
                pools.append(pool)
        return Condition(writable=writable and not pools[0].read_only, pools=tuple(pools))

    def _pool(self, path: Path, setting: str) -> Pool:
        try:
            return pool_of(path)
        except OSError as error:
            raise no_directory(self._link.target, f"cannot be looked at: {error.strerror}", setting) from None
