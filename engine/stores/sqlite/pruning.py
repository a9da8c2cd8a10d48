"""What retention may delete: found by walking from the oldest row, deleted in slices between other work."""

from engine.runs import RunState
from engine.stores.sqlite.readers import Reading, Rows
from engine.stores.sqlite.transaction import Transaction

SLICE = 50
"""Rows a batch deletes: about a millisecond of its time."""

_CHUNK = 500
_LIVE = (RunState.QUEUED.value, RunState.RUNNING.value)

_WALKS = {
    "events": "SELECT seq, time, matched IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM run WHERE run.event_seq = event.seq), time FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
    "runs": f"SELECT seq, queued_at, state NOT IN {_LIVE}, coalesce(ended_at, queued_at) FROM run"
    " WHERE seq > ? ORDER BY seq LIMIT ?",
    "feed": "SELECT seq, time, seq < (SELECT max(seq) FROM feed), time FROM feed WHERE seq > ? ORDER BY seq LIMIT ?",
    "keys": "SELECT seq, time, 1, time FROM idempotency WHERE seq > ? ORDER BY seq LIMIT ?",
    "notifications": "SELECT seq, created_at, 1, created_at FROM notification WHERE seq > ? ORDER BY seq LIMIT ?",
}
"""Rows (seq, when it came, is it over, when it was over) from the oldest on. The last feed row keeps the numbering."""

_TABLES = {"events": "event", "runs": "run", "feed": "feed", "keys": "idempotency", "notifications": "notification"}

KINDS = tuple(_WALKS)


class Walk:
    """Where the walk over one kind has come to. What had to stay behind is looked at again by the next round."""

    __slots__ = ("seq", "started")

    def __init__(self) -> None:
        self.seq = 0
        self.started = 0.0


def find(reading: Reading, kind: str, before: float, limit: int, after: int) -> tuple[list[int], int]:
    """Seqs that may go, at most `limit`, and where the walk stands: it ends at the first row that came after `before`.

    Rows stand in the order they came, so what lies beyond is younger still.
    """
    found: list[int] = []
    while len(found) < limit:
        rows: Rows = reading.rows(_WALKS[kind], (after, min(_CHUNK, limit - len(found))))
        for seq, came, over, ended in rows:
            if came >= before:
                return found, after
            if over and ended < before:
                found.append(seq)
            after = seq
        if not rows:
            break
    return found, after


def delete(transaction: Transaction, kind: str, seqs: list[int]) -> int:
    """Delete these rows, unless an event got a run meanwhile. How many went."""
    marks = ", ".join("?" * len(seqs))
    still = " AND NOT EXISTS (SELECT 1 FROM run WHERE run.event_seq = event.seq)" if kind == "events" else ""
    transaction.execute(f"DELETE FROM {_TABLES[kind]} WHERE seq IN ({marks}){still}", seqs)
    return transaction.connection.changes()
