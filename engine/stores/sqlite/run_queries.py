"""RunQueries on SQLite."""

from catalog.jsonvalue import Json
from engine.records import Page
from engine.runs import Run, RunState
from engine.stores.sqlite.newest import newest
from engine.stores.sqlite.paging import after_seq, page_by_seq
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading, Rows
from engine.stores.sqlite.run_rows import RUN_COLUMNS, RUN_TABLES, run_of
from engine.stores.sqlite.runs import ORGANISATIONS, run_not_found

_STATES = tuple(state.value for state in RunState)
_COUNTED = (RunState.QUEUED, RunState.RUNNING, RunState.DEAD_LETTER)
_COUNT = f"{ORGANISATIONS} SELECT count(*) FROM known JOIN run WHERE run.organisation_id = known.id AND run.state = ?"


class RunQueriesPart(Part):
    """Reading runs."""

    async def get_run(self, organisation_id: str, run_id: str) -> Run:
        """See RunQueries."""
        rows = self._readers.now(
            f"SELECT {RUN_COLUMNS} FROM {RUN_TABLES} WHERE run.id = ? AND run.organisation_id = ?",
            (run_id, organisation_id),
        )
        if not rows:
            raise run_not_found(run_id)
        return run_of(*rows[0])

    async def list_runs(
        self,
        organisation_id: str,
        limit: int,
        cursor: str | None,
        *,
        connection_id: str | None = None,
        state: RunState | None = None,
    ) -> Page[Run]:
        """See RunQueries."""
        before, count = after_seq(cursor), limit + 1
        if connection_id is not None:
            rows = await self._readers.run(_of_connection, organisation_id, connection_id, state, before, count)
        else:
            states = (state.value,) if state is not None else _STATES
            rows = await self._readers.run(newest, RUN_TABLES, RUN_COLUMNS, organisation_id, states, before, count)
        return page_by_seq(rows, limit, run_of)

    async def next_replay(self, connection_id: str, event_id: str) -> int:
        """See RunQueries."""
        rows = self._readers.now(
            "SELECT max(CAST(substr(run.origin, 8) AS INTEGER)) FROM run JOIN event ON event.seq = run.event_seq"
            " WHERE event.id = ? AND run.connection_id = ? AND run.origin LIKE 'replay:%'",
            (event_id, connection_id),
        )
        return int(rows[0][0] or 0) + 1

    async def counts(self) -> dict[str, int]:
        """See RunQueries. What is over and many (succeeded runs, say) is not counted: that would read them all."""
        return await self._readers.run(_counts)


def _of_connection(
    reading: Reading, organisation_id: str, connection_id: str, state: RunState | None, before: int, limit: int
) -> Rows:
    where = "run.connection_id = ? AND +run.organisation_id = ? AND run.seq < ?"
    bindings: list[Json] = [connection_id, organisation_id, before]
    if state is not None:
        where += " AND +run.state = ?"
        bindings.append(state.value)
    return reading.rows(
        f"SELECT run.seq, {RUN_COLUMNS} FROM {RUN_TABLES} WHERE {where} ORDER BY run.seq DESC LIMIT ?",
        (*bindings, limit),
    )


def _counts(reading: Reading) -> dict[str, int]:
    # One snapshot: between two of them a run could leave one count and not yet stand in the next.
    reading.rows("BEGIN")
    try:
        return _counted(reading)
    finally:
        reading.rows("COMMIT")


def _counted(reading: Reading) -> dict[str, int]:
    found = {f"runs.{state.value}": reading.rows(_COUNT, (state.value,))[0][0] for state in _COUNTED}
    found["events.undispatched"] = reading.rows("SELECT count(*) FROM event WHERE matched IS NULL")[0][0]
    found.update(
        (f"changes.{state}", count)
        for state, count in reading.rows("SELECT state, count(*) FROM change GROUP BY state")
    )
    return {"changes.pending": 0, **found}
