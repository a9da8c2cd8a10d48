"""EventStore on SQLite."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from catalog.errors import Conflict, NotFound
from catalog.events import Event
from engine.records import Accepted, Page
from engine.runs import Run
from engine.stores.sqlite.event_rows import EVENT_COLUMNS, event_body, event_of
from engine.stores.sqlite.firing_rows import insert_runs
from engine.stores.sqlite.paging import after_seq, page_by_seq
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.transaction import Transaction

KEY_SECONDS = 24 * 3600.0
_COLUMNS = EVENT_COLUMNS.format("event")
_SLACK = 3600.0
_CHUNK = 500


class EventsPart(Part):
    """Events and their keys."""

    async def accept(
        self,
        event: Event,
        *,
        misses: int | None = None,
        runs: Sequence[Run] = (),
        cooldowns: Sequence[float] = (),
        key: str | None = None,
        body_digest: str | None = None,
    ) -> Accepted:
        """See EventStore. The same event again (by id) answers the kept one as well."""
        outcome = Outcome(misses, runs, cooldowns) if misses is not None else None
        if key is None:
            return await self._writer.submit_plain("accept", _accept, event, outcome)
        return await self._writer.submit_plain("accept", _accept_keyed, event, outcome, key, body_digest or "")

    async def undispatched(self, limit: int) -> list[Event]:
        """See EventStore."""
        return await self._readers.run(_undispatched, limit)

    async def recent_count(self, organisation_id: str, since: float, event_type: str) -> list[float]:
        """See EventStore."""
        return await self._readers.run(_times, organisation_id, since, event_type)

    async def get_event(self, organisation_id: str, event_id: str) -> Event:
        """See EventStore."""
        rows = self._readers.now(
            f"SELECT {_COLUMNS} FROM event WHERE id = ? AND organisation_id = ?", (event_id, organisation_id)
        )
        if not rows:
            raise event_not_found(event_id)
        return event_of(*rows[0])

    async def last_event(self, organisation_id: str, matches: Callable[[str], bool]) -> Event | None:
        """See EventStore. Only ordinary (`live`) events count."""
        return await self._readers.run(_last, organisation_id, matches)

    async def list_events(self, organisation_id: str, limit: int, cursor: str | None) -> Page[Event]:
        """See EventStore."""
        rows = await self._readers.run(
            Reading.rows,
            f"SELECT seq, {_COLUMNS} FROM event WHERE organisation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            (organisation_id, after_seq(cursor), limit + 1),
        )
        return page_by_seq(rows, limit, event_of)


class Outcome(NamedTuple):
    """What dispatching an event came to, where that was known before it was kept."""

    misses: int
    runs: Sequence[Run]
    cooldowns: Sequence[float]


def insert_event(transaction: Transaction, event: Event, outcome: Outcome | None = None) -> bool:
    """Keep an event, not dispatched yet or with its outcome. False: its id is there already."""
    matched, missed = (None, 0) if outcome is None else (len(outcome.runs), outcome.misses)
    transaction.execute(
        "INSERT INTO event(id, organisation_id, type, origin, time, body, matched, missed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            event.id,
            event.organisation_id,
            event.type,
            event.origin,
            event.time,
            event_body(event),
            matched,
            missed,
        ),
    )
    return transaction.connection.changes() == 1


def event_not_found(event_id: str) -> NotFound:
    """The error for an event that is absent or another organisation's."""
    return NotFound("EVENT_NOT_FOUND", f"There is no event `{event_id[:64]}`.", hint="List the events.")


def _accept(transaction: Transaction, event: Event, outcome: Outcome | None) -> Accepted:
    if insert_event(transaction, event, outcome):
        if outcome is None or not outcome.runs:
            return Accepted(event)
        seq = transaction.connection.last_insert_rowid()
        runs = insert_runs(transaction, event.organisation_id, seq, outcome.runs, outcome.cooldowns)
        return Accepted(event, runs=tuple(runs))
    rows = transaction.rows(f"SELECT {_COLUMNS} FROM event WHERE id = ?", (event.id,))
    kept = event_of(*rows[0])
    if kept.organisation_id != event.organisation_id:
        raise Conflict("EVENT_EXISTS", f"Event `{event.id[:64]}` exists already.", hint="Give each event its own id.")
    return Accepted(kept, repeated=True)


def _accept_keyed(transaction: Transaction, event: Event, outcome: Outcome | None, key: str, digest: str) -> Accepted:
    now = transaction.clock.now()
    rows = transaction.rows(
        f"SELECT idempotency.digest, idempotency.time, {_COLUMNS} FROM idempotency LEFT JOIN event"
        " ON event.id = idempotency.event_id WHERE idempotency.organisation_id = ? AND key = ?",
        (event.organisation_id, key),
    )
    if rows:
        kept_digest, time, *kept = rows[0]
        if now - time < KEY_SECONDS and kept[0] is not None:
            if kept_digest != digest:
                raise Conflict(
                    "IDEMPOTENCY_MISMATCH",
                    "The Idempotency-Key was used with another body.",
                    hint="Send the same body again, or a new key.",
                )
            return Accepted(event_of(*kept), repeated=True)
        transaction.execute(
            "DELETE FROM idempotency WHERE organisation_id = ? AND key = ?", (event.organisation_id, key)
        )
    accepted = _accept(transaction, event, outcome)
    transaction.execute(
        "INSERT INTO idempotency(organisation_id, key, digest, event_id, time) VALUES (?, ?, ?, ?, ?)",
        (event.organisation_id, key, digest, accepted.event.id, now),
    )
    return accepted


def _undispatched(reading: Reading, limit: int) -> list[Event]:
    rows = reading.rows(f"SELECT {_COLUMNS} FROM event WHERE matched IS NULL ORDER BY seq LIMIT ?", (limit,))
    return [event_of(*row) for row in rows]


def _times(reading: Reading, organisation_id: str, since: float, event_type: str) -> list[float]:
    """Newest first. What came earlier is no younger than what came after it, whatever the clock said in between."""
    found: list[float] = []
    earliest = float("inf")
    seq = 2**63 - 1
    while True:
        rows = reading.rows(
            "SELECT seq, time, type FROM event WHERE organisation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            (organisation_id, seq, _CHUNK),
        )
        for _, time, kind in rows:
            if kind == event_type:
                earliest = min(earliest, time)
                if earliest < since:
                    return found[::-1]
                found.append(earliest)
        if len(rows) < _CHUNK or max(time for _, time, _ in rows) < since - _SLACK:
            return found[::-1]
        seq = rows[-1][0]


def _last(reading: Reading, organisation_id: str, matches: Callable[[str], bool]) -> Event | None:
    verdicts: dict[str, bool] = {}
    seq = 2**63 - 1
    while rows := reading.rows(
        "SELECT seq, type FROM event WHERE organisation_id = ? AND seq < ? AND origin = 'live'"
        " ORDER BY seq DESC LIMIT ?",
        (organisation_id, seq, _CHUNK),
    ):
        for seq, kind in rows:
            if kind not in verdicts:
                verdicts[kind] = matches(kind)
            if verdicts[kind]:
                found = reading.rows(f"SELECT {_COLUMNS} FROM event WHERE seq = ?", (seq,))
                return event_of(*found[0]) if found else None
    return None
