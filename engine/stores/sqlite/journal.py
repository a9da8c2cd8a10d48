"""JournalStore on SQLite: audit chain, notifications, the feed."""

import msgspec

from engine.records import AuditRow, FeedEntry, Notification, Page
from engine.stores.sqlite.audit_chain import AUDIT_COLUMNS, append_audit, audit_of, verify_head, verify_slice
from engine.stores.sqlite.paging import after_seq, page_by_seq
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.transaction import Transaction

_encode = msgspec.json.Encoder().encode
_notification = msgspec.json.Decoder(Notification).decode
_moves = msgspec.json.Decoder(list[tuple[str, str, str]]).decode


class JournalPart(Part):
    """Audit chain, notifications, the feed."""

    async def write_audit(self, row: AuditRow) -> AuditRow:
        """See JournalStore."""
        return await self._writer.submit("write_audit", append_audit, row)

    async def list_audit(self, organisation_id: str, limit: int, cursor: str | None) -> Page[AuditRow]:
        """See JournalStore."""
        rows = await self._readers.run(
            Reading.rows,
            f"SELECT seq, {AUDIT_COLUMNS} FROM audit WHERE organisation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            (organisation_id, after_seq(cursor), limit + 1),
        )
        return page_by_seq(rows, limit, audit_of)

    async def verify_audit(self, organisation_id: str) -> int | None:
        """See JournalStore. In slices, so that no snapshot is held for long.

        Whoever rewrites the rows, the head and all hashes after them leaves no trace in this file: keep the last hash
        elsewhere if that is to be feared.
        """
        seq, chained = 0, ""
        while True:
            bad, after, chained = await self._readers.run(verify_slice, organisation_id, seq, chained)
            if bad is not None:
                return bad
            if after == seq:
                return await self._readers.run(verify_head, organisation_id)
            seq = after

    async def deliver(self, notification: Notification) -> str:
        """See JournalStore."""
        return await self._writer.submit("deliver", _deliver, notification)

    async def list_notifications(self, organisation_id: str, limit: int, cursor: str | None) -> Page[Notification]:
        """See JournalStore."""
        rows = await self._readers.run(
            Reading.rows,
            "SELECT seq, body, read_at FROM notification WHERE organisation_id = ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?",
            (organisation_id, after_seq(cursor), limit + 1),
        )
        return page_by_seq(rows, limit, _notification_of)

    async def feed_after(self, organisation_id: str, seq: int, limit: int) -> list[FeedEntry]:
        """See JournalStore."""
        return await self._readers.run(_feed, organisation_id, seq, limit)

    async def feed_head(self, organisation_id: str) -> int:
        """See Housekeeping."""
        rows = await self._readers.run(
            Reading.rows, "SELECT max(seq) FROM feed WHERE organisation_id = ?", (organisation_id,)
        )
        return rows[0][0] or 0


def _notification_of(body: bytes, read_at: float | None) -> Notification:
    return msgspec.structs.replace(_notification(body), read_at=read_at)


def _deliver(transaction: Transaction, notification: Notification) -> str:
    rows = transaction.rows(
        "SELECT id FROM notification WHERE organisation_id = ? AND delivery_id = ?",
        (notification.organisation_id, notification.delivery_id),
    )
    if rows:
        return str(rows[0][0])
    transaction.execute(
        "INSERT INTO notification(id, organisation_id, delivery_id, created_at, read_at, body)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            notification.id,
            notification.organisation_id,
            notification.delivery_id,
            notification.created_at,
            notification.read_at,
            _encode(notification),
        ),
    )
    return notification.id


def _feed(reading: Reading, organisation_id: str, seq: int, limit: int) -> list[FeedEntry]:
    """A row holds one batch's entries; its seq is the last one's."""
    found: list[FeedEntry] = []
    rows = reading.rows(
        "SELECT seq, time, entries FROM feed WHERE organisation_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (organisation_id, seq, limit),
    )
    for last, time, entries in rows:
        moves = _moves(entries)
        for number, (kind, subject, state) in enumerate(moves, last - len(moves) + 1):
            if number > seq:
                found.append(_entry(number, organisation_id, kind, subject, state, time))
    return found[:limit]


def _entry(seq: int, organisation_id: str, kind: str, subject: str, state: str, time: float) -> FeedEntry:
    return FeedEntry(seq=seq, organisation_id=organisation_id, kind=kind, subject=subject, state=state, time=time)
