"""Housekeeping on SQLite: retention, the integrity check, the end."""

import asyncio

from catalog.errors import NotFound, Unavailable
from engine.stores.sqlite.events import KEY_SECONDS
from engine.stores.sqlite.part import Part, Seat
from engine.stores.sqlite.pruning import KINDS, SLICE, Walk, delete, find
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.transaction import Transaction

_ROUND_SECONDS = 6 * 3600.0


class HousekeepingPart(Part):
    """What retention needs."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        self._walks = {kind: Walk() for kind in KINDS}

    async def prune(
        self, *, events_before: float, runs_before: float, feed_before: float, limit: int
    ) -> dict[str, int]:
        """See Housekeeping. An event stays while a run of it does, and as long as an Idempotency-Key may name it.

        Besides, notifications go with the runs of their time, and keys when they no longer count.
        """
        kept_for_keys = self._clock.now() - KEY_SECONDS
        before = {
            "runs": runs_before,
            "events": min(events_before, kept_for_keys),
            "feed": feed_before,
            "keys": kept_for_keys,
            "notifications": runs_before,
        }
        return {kind: await self._prune(kind, time, limit) for kind, time in before.items()}

    async def _prune(self, kind: str, before: float, limit: int) -> int:
        walk = self._walks[kind]
        if self._clock.monotonic() - walk.started > _ROUND_SECONDS:
            walk.seq, walk.started = 0, self._clock.monotonic()
        seqs, walk.seq = await self._readers.run(find, kind, before, limit, walk.seq)
        deleted = 0
        for start in range(0, len(seqs), SLICE):
            deleted += await self._writer.submit("prune", delete, kind, seqs[start : start + SLICE])
        return deleted

    async def mark_read(self, organisation_id: str, notification_id: str, now: float) -> None:
        """See Housekeeping. The first reading counts."""
        await self._writer.submit_plain("mark_read", _mark_read, organisation_id, notification_id, now)

    async def check(self) -> list[str]:
        """See Housekeeping. One table after the other, so that no snapshot is held for the whole."""
        tables = await self._readers.run(Reading.rows, "SELECT name FROM sqlite_schema WHERE type = 'table'")
        problems: list[str] = []
        for (table,) in tables:
            try:
                rows = await self._readers.run(Reading.rows, f'PRAGMA quick_check("{table}")')
            except Unavailable as error:
                problems.append(f"{table}: {error.message}")
            else:
                problems.extend(f"{table}: {row[0]}" for row in rows if row[0] != "ok")
        return problems

    async def close(self) -> None:
        """See Housekeeping. Again is harmless."""
        seat = self._seat
        if seat.closed:
            return
        await self._writer.close()
        await asyncio.get_running_loop().run_in_executor(None, seat.close)


def _mark_read(transaction: Transaction, organisation_id: str, notification_id: str, now: float) -> None:
    transaction.execute(
        "UPDATE notification SET read_at = coalesce(read_at, ?) WHERE id = ? AND organisation_id = ?",
        (now, notification_id, organisation_id),
    )
    if transaction.connection.changes() == 0:
        raise NotFound("NOTIFICATION_NOT_FOUND", "There is no such notification.", hint="List the notifications.")
