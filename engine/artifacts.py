"""ArtifactStore: the transient broker (one hour) and, beside it, the durable store that a pending change refers to."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.errors import TooLarge, Unavailable
from engine.blobs import BlobFolder, gone
from engine.ports import Clock

BROKER_SECONDS = 3600.0
MAX_BYTES = 32 * 1024 * 1024
BROKER_BYTES = 1024 * 1024 * 1024
AGE_FLOOR = 24 * 3600.0
"""A durable blob younger than this is never collected: the row that refers to it may still be on its way."""

_CHUNK = 256 * 1024


class ArtifactStore:
    """Implements catalog.provider.Artifacts and engine.ports.DurableArtifacts.

    An artifact's token is its SHA-256. `in_use` tells which durable ones a change that is not over refers to.
    """

    def __init__(
        self,
        broker_dir: Path,
        durable_dir: Path,
        clock: Clock,
        *,
        in_use: Callable[[], Awaitable[frozenset[str]]],
        broker_bytes: int = BROKER_BYTES,
    ) -> None:
        self._broker = BlobFolder(broker_dir)
        self._durable = BlobFolder(durable_dir)
        self._clock = clock
        self._in_use = in_use
        self._capacity = broker_bytes
        self._room = threading.Lock()

    async def put(self, content: bytes, media_type: str) -> ArtifactRef:
        """Keep bytes in the broker for an hour.

        Raises TooLarge ARTIFACT_TOO_LARGE (over 32 MiB); Unavailable BROKER_FULL, ARTIFACT_UNWRITABLE.
        """
        if len(content) > MAX_BYTES:
            raise TooLarge(
                "ARTIFACT_TOO_LARGE",
                f"An artifact of {len(content)} bytes is over the limit of {MAX_BYTES}.",
                hint="Produce a smaller one.",
            )
        token = await asyncio.to_thread(self._put, content)
        return ArtifactRef(token=token, sha256=token, size=len(content), media_type=media_type)

    def _put(self, content: bytes) -> str:
        with self._room:
            now = self._clock.now()
            if self._broker.total() + len(content) > self._capacity:
                self._broker.sweep(now - BROKER_SECONDS, _keep_none)
                if self._broker.total() + len(content) > self._capacity:
                    raise Unavailable(
                        "BROKER_FULL",
                        "The artifact broker holds all it may.",
                        hint="Wait until what it holds is an hour old, or produce fewer artifacts.",
                    )
            return _written(self._broker, content, now)

    async def open(self, artifact: ArtifactRef) -> AsyncIterator[bytes]:
        """Its bytes in chunks. They are all read and hashed before the first is handed over, so nothing altered is.

        Raises NotFound ARTIFACT_GONE, Conflict ARTIFACT_ALTERED.
        """
        content = memoryview(await asyncio.to_thread(self._read, artifact))
        for start in range(0, len(content), _CHUNK):
            yield bytes(content[start : start + _CHUNK])

    async def keep(self, artifact: ArtifactRef) -> ArtifactRef:
        """Copy a broker artifact into the durable store; it is synced, with its folder, when this returns.

        Raises NotFound ARTIFACT_GONE, Conflict ARTIFACT_ALTERED, Unavailable ARTIFACT_UNWRITABLE.
        """
        await asyncio.to_thread(self._keep, artifact)
        return msgspec.structs.replace(artifact, token=artifact.sha256, durable=True)

    async def collect(self) -> int:
        """Delete expired broker files, and durable ones over a day old that no open change refers to. How many went."""
        now = self._clock.now()
        in_use = await self._in_use()
        expired = await asyncio.to_thread(self._broker.sweep, now - BROKER_SECONDS, _keep_none)
        return expired + await asyncio.to_thread(self._durable.sweep, now - AGE_FLOOR, in_use.__contains__)

    def _read(self, artifact: ArtifactRef) -> bytes:
        if artifact.durable:
            return self._durable.read(artifact.token, artifact.sha256, artifact.size)
        floor = self._clock.now() - BROKER_SECONDS
        return self._broker.read(artifact.token, artifact.sha256, artifact.size, newer_than=floor)

    def _keep(self, artifact: ArtifactRef) -> None:
        now = self._clock.now()
        content = self._read(artifact)
        if artifact.durable:
            if not self._durable.touch(artifact.token, now):
                raise gone(artifact.token)
        else:
            _written(self._durable, content, now)


def _keep_none(_name: str) -> bool:
    return False


def _written(folder: BlobFolder, content: bytes, now: float) -> str:
    try:
        return folder.write(content, now)
    except OSError as error:
        raise Unavailable(
            "ARTIFACT_UNWRITABLE",
            f"The artifact folder cannot be written: {error.strerror or 'unknown error'}.",
            hint="Make room on its disk and check who owns it.",
        ) from None
