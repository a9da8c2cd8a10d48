"""RunStore on SQLite."""

from collections.abc import Sequence

import msgspec

from catalog.errors import Conflict, NotFound
from catalog.events import Event
from engine.changes import PendingChange
from engine.runs import MAX_ATTEMPTS, Failure, Run, RunState, StepRecord
from engine.stores.sqlite.dispatching import dispatch
from engine.stores.sqlite.finishing import finish
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.run_rows import RUN_COLUMNS, RUN_TABLES, run_body, run_of
from engine.stores.sqlite.transaction import Transaction

ORGANISATIONS = (
    "WITH RECURSIVE known(id) AS (SELECT min(organisation_id) FROM run UNION ALL"
    " SELECT (SELECT min(organisation_id) FROM run WHERE organisation_id > known.id) FROM known"
    " WHERE known.id IS NOT NULL)"
)
"""The organisations that have runs, found by leaps through the index on (organisation_id, state)."""

_CLAIM = (
    "UPDATE run SET state = 'running', epoch = epoch + 1, attempt = attempt + 1, owner = ?, started_at = ?"
    " WHERE id = ? AND state = 'queued'"
)
_LIVE = (
    f"{ORGANISATIONS} SELECT {{0}} FROM known JOIN {RUN_TABLES} WHERE run.organisation_id = known.id AND run.state = ?"
)
_SLICE = 200


class RunsPart(Part):
    """Firings and their ends.

    A lease here is the process itself: the data directory's lock lets only one live, so whatever another `owner` holds
    is dead, and none of ours can lapse.
    """

    async def dispatch(
        self, event: Event, runs: Sequence[Run], *, misses: int, cooldowns: Sequence[float]
    ) -> list[Run]:
        """See RunStore."""
        return await self._writer.submit_plain("dispatch", dispatch, event, runs, misses, cooldowns)

    async def claim(self, run_id: str) -> Run | None:
        """See RunStore."""
        return await self._writer.submit_plain("claim", _claim, run_id)

    async def finish(self, run: Run, changes: Sequence[PendingChange], events: Sequence[Event]) -> bool:
        """See RunStore."""
        if not changes and not events:
            return await self._writer.submit_plain("finish", finish, run)
        return await self._writer.submit("finish", finish, run, changes, events)

    async def recover(self) -> list[Run]:
        """See RunStore."""
        while await self._writer.submit("recover", _recover, _SLICE):
            pass
        rows = await self._readers.run(
            lambda reading: reading.rows(_LIVE.format(RUN_COLUMNS) + " ORDER BY run.seq", ("queued",))
        )
        return [run_of(*row) for row in rows]

    async def cancel(self, organisation_id: str, run_id: str, reason: str, steps: Sequence[StepRecord] = ()) -> Run:
        """See RunStore."""
        return await self._writer.submit("cancel", _cancel, organisation_id, run_id, reason, tuple(steps))

    async def give_back(self, run_ids: Sequence[str]) -> None:
        """See Housekeeping."""
        await self._writer.submit("give_back", _give_back, run_ids)

    async def renew(self, run_ids: Sequence[str]) -> None:
        """Nothing lapses while this process lives (see the class)."""


def _stored(transaction: Transaction, run_id: str) -> Run | None:
    rows = transaction.rows(f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE run.id = ?", (run_id,))
    return run_of(*rows[0]) if rows else None


def _claim(transaction: Transaction, run_id: str) -> Run | None:
    transaction.execute(_CLAIM, (transaction.owner, transaction.clock.now(), run_id))
    if transaction.connection.changes() == 0:
        return None
    run = _stored(transaction, run_id)
    if run is not None:
        transaction.tell(run.organisation_id, "run", run.id, run.state.value)
    return run


def _cancel(
    transaction: Transaction, organisation_id: str, run_id: str, reason: str, steps: tuple[StepRecord, ...]
) -> Run:
    run = _stored(transaction, run_id)
    if run is None or run.organisation_id != organisation_id:
        raise run_not_found(run_id)
    if run.state.over:
        raise Conflict("RUN_OVER", f"The run is {run.state.value}.", hint="Only a run under way can be cancelled.")
    run.steps = steps
    return _end(transaction, run, RunState.CANCELLED, reason)


def _recover(transaction: Transaction, limit: int) -> int:
    rows = transaction.rows(
        _LIVE.format(RUN_COLUMNS) + " AND run.owner IS NOT ? LIMIT ?", ("running", transaction.owner, limit)
    )
    for row in rows:
        run = run_of(*row)
        if run.attempt >= MAX_ATTEMPTS:
            run.error = Failure(
                "RUN_CRASHED_REPEATEDLY",
                f"The process died {run.attempt} times while it carried the run out.",
                "Look at the server's log of those times, then replay the run.",
            )
            _end(transaction, run, RunState.DEAD_LETTER, f"its process died {run.attempt} times")
        else:
            transaction.execute("UPDATE run SET state = 'queued', owner = NULL WHERE id = ?", (run.id,))
            transaction.tell(run.organisation_id, "run", run.id, RunState.QUEUED.value)
    return len(rows)


def _give_back(transaction: Transaction, run_ids: Sequence[str]) -> None:
    for run_id in run_ids:
        run = _stored(transaction, run_id)
        if run is not None and run.state is RunState.RUNNING:
            transaction.execute(
                "UPDATE run SET state = 'queued', owner = NULL, attempt = attempt - 1 WHERE id = ? AND owner = ?",
                (run_id, transaction.owner),
            )
            transaction.tell(run.organisation_id, "run", run.id, RunState.QUEUED.value)


def _end(transaction: Transaction, run: Run, state: RunState, reason: str) -> Run:
    over = msgspec.structs.replace(run, state=state, reason=reason, ended_at=transaction.clock.now(), waits_for=None)
    transaction.execute(
        "UPDATE run SET state = ?, ended_at = ?, body = ? WHERE id = ?",
        (state.value, over.ended_at, run_body(over), run.id),
    )
    transaction.tell(run.organisation_id, "run", run.id, state.value)
    return over


def run_not_found(run_id: str) -> NotFound:
    """The error for a run that is absent or another organisation's."""
    return NotFound("RUN_NOT_FOUND", f"There is no run `{run_id[:64]}`.", hint="List the runs.")
