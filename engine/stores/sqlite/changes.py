"""ChangeStore on SQLite."""

from catalog.events import Event
from engine.changes import ChangeState, PendingChange
from engine.records import AuditRow, Page
from engine.stores.sqlite.change_rows import CHANGE_COLUMNS, change_of
from engine.stores.sqlite.events import insert_event
from engine.stores.sqlite.newest import newest
from engine.stores.sqlite.paging import after_seq, page_by_seq
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.staged import change_not_found, insert_change, move_change
from engine.stores.sqlite.transaction import Transaction

_STATES = tuple(state.value for state in ChangeState)


class ChangesPart(Part):
    """Staged writes."""

    async def stage(self, change: PendingChange, audit: AuditRow, event: Event) -> PendingChange:
        """See ChangeStore."""
        return await self._writer.submit("stage", _stage, change, audit, event)

    async def move(
        self, change: PendingChange, state: ChangeState, *, token: int, audit: AuditRow, event: Event
    ) -> PendingChange:
        """See ChangeStore."""
        return await self._writer.submit("move", _move, change, state, token, audit, event)

    async def get_change(self, organisation_id: str, change_id: str) -> PendingChange:
        """See ChangeStore."""
        rows = self._readers.now(
            f"SELECT {CHANGE_COLUMNS} FROM change WHERE id = ? AND organisation_id = ?", (change_id, organisation_id)
        )
        if not rows:
            raise change_not_found(change_id)
        return change_of(*rows[0])

    async def list_changes(
        self, organisation_id: str, limit: int, cursor: str | None, *, state: ChangeState | None = None
    ) -> Page[PendingChange]:
        """See ChangeStore."""
        states = (state.value,) if state is not None else _STATES
        rows = await self._readers.run(_list, organisation_id, states, after_seq(cursor), limit + 1)
        return page_by_seq(rows, limit, change_of)

    async def due(self, now: float) -> list[PendingChange]:
        """See ChangeStore. What a dead process was applying is due at once: its lease died with it."""
        return await self._readers.run(_due, now, self._seat.owner)

    async def artifacts_in_use(self) -> frozenset[str]:
        """See ChangeStore. A change whose outcome is `unknown` still waits for a person, so it counts."""
        rows = await self._readers.run(
            Reading.rows,
            "SELECT DISTINCT artifact_sha256 FROM change"
            " WHERE artifact_sha256 IS NOT NULL AND state IN ('pending', 'applying', 'unknown')",
        )
        return frozenset(row[0] for row in rows)


def _stage(transaction: Transaction, change: PendingChange, audit: AuditRow, event: Event) -> PendingChange:
    insert_change(transaction, change, audit)
    insert_event(transaction, event)
    return change


def _move(
    transaction: Transaction,
    change: PendingChange,
    state: ChangeState,
    token: int,
    audit: AuditRow,
    event: Event,
) -> PendingChange:
    moved = move_change(transaction, change, state, token, audit)
    insert_event(transaction, event)
    return moved


def _list(
    reading: Reading, organisation_id: str, states: tuple[str, ...], before: int, limit: int
) -> list[tuple[object, ...]]:
    return newest(reading, "change", CHANGE_COLUMNS, organisation_id, states, before, limit)


def _due(reading: Reading, now: float, owner: str) -> list[PendingChange]:
    expired = reading.rows(
        f"SELECT {CHANGE_COLUMNS} FROM change WHERE state = 'pending' AND expires_at <= ? ORDER BY expires_at", (now,)
    )
    lost = reading.rows(
        f"SELECT {CHANGE_COLUMNS} FROM change WHERE state = 'applying' AND (lease_until <= ? OR owner <> ?)",
        (now, owner),
    )
    return [change_of(*row) for row in (*expired, *lost)]
