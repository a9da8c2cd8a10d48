"""Dispatch as a transaction: an event's outcome and its runs."""

from collections.abc import Sequence

from catalog.events import Event
from engine.runs import Run
from engine.stores.sqlite.events import event_not_found
from engine.stores.sqlite.firing_rows import insert_runs
from engine.stores.sqlite.transaction import Transaction

_DISPATCH = "UPDATE event SET matched = ?, missed = ? WHERE id = ? AND matched IS NULL RETURNING seq"


def dispatch(
    transaction: Transaction, event: Event, runs: Sequence[Run], misses: int, cooldowns: Sequence[float]
) -> list[Run]:
    """Mark the event dispatched, insert its runs; those that are new."""
    rows = transaction.rows(_DISPATCH, (len(runs), misses, event.id))
    if not rows:
        rows = transaction.rows("SELECT seq FROM event WHERE id = ?", (event.id,))
        if not rows:
            raise event_not_found(event.id)
    return insert_runs(transaction, event.organisation_id, rows[0][0], runs, cooldowns)
