"""Resealing: a fresh key for all that is sealed, while the server runs, such that a crash at any moment loses nothing.

First the fresh key stands before the old ones, on the disk and in the live seal. What is sealed from then on is under
it; what was before is written anew, batch by batch. Only when nothing is left under an old key are the old ones
dropped. A crash in between leaves keys that open everything, and the next rotation goes through all of it again.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from catalog.errors import Conflict, FabricError
from catalog.jsonvalue import Json
from engine.audit import audit_row
from engine.credentials import require_admin
from engine.directory import TOPIC
from engine.ports import Bus, Clock, Store
from engine.records import AuditRow, SealedKind
from engine.seal import FernetSeal, add_key, keep_newest
from engine.tenancy import Actor

_log = structlog.get_logger()

BATCH = 50
"""Rows in one commit: a few milliseconds of the event loop."""


class Rotation(msgspec.Struct, kw_only=True):
    """How far a rotation has come. `moved` and `broken` are by organisation and kind; times are seconds since 1970.

    `broken` counts values that no key opens: they stay as they are.
    """

    started_at: float
    organisation_id: str
    rows: int
    rows_done: int = 0
    moved: dict[str, Counter[str]] = msgspec.field(default_factory=dict)
    broken: dict[str, Counter[str]] = msgspec.field(default_factory=dict)
    keep_old: bool = False
    ended_at: float | None = None
    complete: bool = False
    error: FabricError | None = None


class Resealing:
    """Rotates the key of the seal; one rotation at a time."""

    def __init__(self, store: Store, seal: FernetSeal, data: Path, clock: Clock, bus: Bus) -> None:
        self._store = store
        self._bus = bus
        self._seal = seal
        self._data = data
        self._clock = clock
        self._under_way: asyncio.Task[None] | None = None
        self.last: Rotation | None = None

    @property
    def keys(self) -> int:
        """Keys that the seal opens with."""
        return self._seal.count

    async def begin(self, actor: Actor, *, keep_old: bool) -> "asyncio.Task[None]":
        """Start a rotation; the task ends with it, raises what made it fail, and goes on whoever stops waiting.

        Raises Forbidden ADMIN_REQUIRED; Conflict SEAL_ROTATING.
        """
        require_admin(actor)
        if self._under_way is not None and not self._under_way.done():
            raise Conflict("SEAL_ROTATING", "The key is being rotated already.", hint="Ask `GET …/seal` how far it is.")
        rotation = Rotation(
            started_at=self._clock.now(), organisation_id=actor.organisation_id, rows=0, keep_old=keep_old
        )
        self.last = rotation
        self._under_way = asyncio.create_task(self._rotate(actor, rotation), name="reseal")
        self._under_way.add_done_callback(_note)
        return self._under_way

    async def close(self) -> None:
        """The server ends: what is not resealed yet opens with the old keys, which stay."""
        if self._under_way is not None and not self._under_way.done():
            self._under_way.cancel()
            await asyncio.wait([self._under_way])

    async def _rotate(self, actor: Actor, rotation: Rotation) -> None:
        try:
            rotation.rows = await self._store.count_sealed()
            keys = await asyncio.to_thread(add_key, self._data)
            self._seal.adopt(keys)
            while await self._pass(rotation):
                # Until one finds nothing to do: who had read a row before the first may have written it after.
                continue
            await self._store.scrub()
            # Before the old keys go, so that it is never done and not noted.
            await self._store.write_audit(self._row(actor, rotation))
            if not rotation.keep_old:
                self._seal.adopt(await asyncio.to_thread(keep_newest, self._data), retired=keys[1:])
            # Whoever has rows in memory reads them again.
            self._bus.publish(TOPIC, None)
            rotation.complete = True
        except FabricError as error:
            rotation.error = error
            raise
        finally:
            rotation.ended_at = self._clock.now()

    async def _pass(self, rotation: Rotation) -> int:
        """Go through everything once; how many values were moved."""
        rotation.rows_done = moved = 0
        rotation.broken.clear()
        for kind in SealedKind:
            after: str | None = None
            while True:
                batch = await self._store.reseal(kind, after, BATCH, self._seal.renewed)
                rotation.rows_done += batch.rows
                moved += sum(batch.moved.values())
                _add(rotation.moved, kind, batch.moved)
                _add(rotation.broken, kind, batch.broken)
                after = batch.next
                if after is None:
                    break
        return moved

    def _row(self, actor: Actor, rotation: Rotation) -> AuditRow:
        details: Json = {"moved": dict(rotation.moved.get(actor.organisation_id, {})), "keep_old": rotation.keep_old}
        return audit_row(actor, "seal.rotated", "seal", self._clock, details)


def _add(to: dict[str, Counter[str]], kind: SealedKind, counts: Mapping[str, int]) -> None:
    for organisation_id, count in counts.items():
        to.setdefault(organisation_id, Counter())[kind.value] += count


def _note(task: "asyncio.Task[None]") -> None:
    """Nobody may be waiting any more."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("seal_rotation_failed", reason=str(error))
