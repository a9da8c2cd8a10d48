"""Firing rows: the runs that go in with an event's outcome."""

from collections.abc import Sequence

import msgspec

from catalog.errors import Forbidden
from engine.runs import Run, RunState
from engine.stores.sqlite.cooldowns import rests
from engine.stores.sqlite.run_rows import run_body
from engine.stores.sqlite.transaction import Transaction

_INSERT = (
    "INSERT INTO run(id, organisation_id, connection_id, event_seq, origin, state, epoch, attempt, owner, queued_at,"
    " started_at, ended_at, not_before, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (event_seq, connection_id, origin) DO NOTHING"
)


def insert_runs(
    transaction: Transaction, organisation_id: str, event_seq: int, runs: Sequence[Run], cooldowns: Sequence[float]
) -> list[Run]:
    """Insert the runs of an event; those that are new, claimed or skipped as RunStore.dispatch says."""
    inserted = []
    for run, rest in zip(runs, cooldowns, strict=True):
        if run.organisation_id != organisation_id:
            raise Forbidden("CROSS_TENANT_EVENT", "An event fires its own organisation's Connections only.")
        if rest > 0 and not _exists(transaction, run, event_seq) and rests(transaction, run.connection_id, rest):
            run = _skipped(run)  # noqa: PLW2901 - the caller's own stays as it is
        elif run.state is RunState.RUNNING:
            run.epoch = run.attempt = 1
            run.started_at = run.started_at or transaction.clock.now()
        if _insert(transaction, run, event_seq):
            inserted.append(run)
    return inserted


def _skipped(run: Run) -> Run:
    return msgspec.structs.replace(
        run,
        state=RunState.SKIPPED,
        reason="cooldown",
        epoch=0,
        attempt=0,
        waits_for=None,
        started_at=None,
        ended_at=run.queued_at,
    )


def _insert(transaction: Transaction, run: Run, event_seq: int) -> bool:
    transaction.execute(
        _INSERT,
        (
            run.id,
            run.organisation_id,
            run.connection_id,
            event_seq,
            run.origin,
            run.state.value,
            run.epoch,
            run.attempt,
            transaction.owner,
            run.queued_at,
            run.started_at,
            run.ended_at,
            run.not_before,
            run_body(run),
        ),
    )
    if transaction.connection.changes() == 0:
        return False
    transaction.tell(run.organisation_id, "run", run.id, run.state.value)
    return True


def _exists(transaction: Transaction, run: Run, event_seq: int) -> bool:
    """A repeat must not begin a rest, nor be hidden by the one that the first began."""
    statement = "SELECT 1 FROM run WHERE event_seq = ? AND connection_id = ? AND origin = ?"
    return bool(transaction.rows(statement, (event_seq, run.connection_id, run.origin)))
