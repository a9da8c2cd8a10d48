"""The end of a run as a transaction: its record, what it staged, what that tells, what it supersedes."""

from collections.abc import Sequence

from catalog.events import Event
from engine.change_events import change_event
from engine.changes import ChangeState, PendingChange
from engine.records import AuditRow
from engine.runs import Run
from engine.stores.sqlite.change_rows import CHANGE_COLUMNS, change_of
from engine.stores.sqlite.events import insert_event
from engine.stores.sqlite.run_rows import run_body
from engine.stores.sqlite.staged import insert_change, supersede
from engine.stores.sqlite.transaction import Transaction

_FINISH = (
    "UPDATE run SET state = ?, started_at = ?, ended_at = ?, not_before = ?, body = ?"
    " WHERE id = ? AND epoch = ? AND state = 'running'"
)


def finish(
    transaction: Transaction, run: Run, changes: Sequence[PendingChange] = (), events: Sequence[Event] = ()
) -> bool:
    """End a run under its epoch. False where it is no longer its caller's to end."""
    transaction.execute(
        _FINISH,
        (run.state.value, run.started_at, run.ended_at, run.not_before, run_body(run), run.id, run.epoch),
    )
    if transaction.connection.changes() == 0:
        return False
    transaction.tell(run.organisation_id, "run", run.id, run.state.value)
    if changes:
        if run.replay_of is not None:
            _supersede_earlier(transaction, run)
        for change in changes:
            insert_change(transaction, change, _staged_row(transaction, change))
    for event in events:
        insert_event(transaction, event)
    return True


def _staged_row(transaction: Transaction, change: PendingChange) -> AuditRow:
    return AuditRow(
        organisation_id=change.organisation_id,
        time=transaction.clock.now(),
        actor_id=change.staged_by,
        action="change.staged",
        subject=change.id,
        details={"operation": change.operation_id, "digest": change.digest, "run": change.run_id},
    )


def _supersede_earlier(transaction: Transaction, run: Run) -> None:
    """What earlier runs of the same event by the same Connection left pending, the original's and its replays'."""
    rows = transaction.rows(
        f"SELECT {CHANGE_COLUMNS} FROM run AS this JOIN run AS earlier ON earlier.event_seq = this.event_seq"
        " AND earlier.connection_id = this.connection_id AND earlier.id <> this.id"
        " JOIN change ON change.run_id = earlier.id AND change.state = 'pending' WHERE this.id = ?",
        (run.id,),
    )
    for row in rows:
        change = supersede(transaction, change_of(*row), run)
        insert_event(transaction, change_event(change, ChangeState.SUPERSEDED.value, transaction.clock))
