"""Runs as rows."""

import msgspec

from catalog.jsonvalue import Json
from engine.runs import Failure, Run, RunState, StepRecord
from engine.stores.sqlite.event_rows import EVENT_COLUMNS, event_of

RUN_COLUMNS = (
    "run.id, run.connection_id, run.origin, run.state, run.epoch, run.attempt, run.queued_at, run.started_at,"
    " run.ended_at, run.not_before, run.body, " + EVENT_COLUMNS.format("event")
)
RUN_TABLES = "run JOIN event ON event.seq = run.event_seq"


class RunBody(msgspec.Struct, array_like=True):
    """What of a run is not a column. Append fields with defaults; never reorder."""

    connection_name: str = ""
    author_id: str = ""
    revision: int = 1
    waits_for: str | None = None
    reason: str | None = None
    error: Failure | None = None
    replay_of: str | None = None
    steps: tuple[StepRecord, ...] = ()
    conditions: Json = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RunBody).decode


def run_body(run: Run) -> bytes:
    """The body column of a run."""
    return _encode(
        (
            run.connection_name,
            run.author_id,
            run.revision,
            run.waits_for,
            run.reason,
            run.error,
            run.replay_of,
            run.steps,
            run.conditions,
        )
    )


def run_of(
    run_id: str,
    connection_id: str,
    origin: str,
    state: str,
    epoch: int,
    attempt: int,
    queued_at: float,
    started_at: float | None,
    ended_at: float | None,
    not_before: float,
    body: bytes,
    *event: object,
) -> Run:
    """The run of a row of RUN_COLUMNS."""
    found = _decode(body)
    trigger = event_of(*event)  # type: ignore[arg-type]  # the columns are the ones it names
    return Run(
        id=run_id,
        organisation_id=trigger.organisation_id,
        connection_id=connection_id,
        connection_name=found.connection_name,
        event=trigger,
        origin=origin,
        state=RunState(state),
        author_id=found.author_id,
        revision=found.revision,
        epoch=epoch,
        attempt=attempt,
        queued_at=queued_at,
        started_at=started_at,
        ended_at=ended_at,
        not_before=not_before,
        waits_for=found.waits_for,
        reason=found.reason,
        error=found.error,
        replay_of=found.replay_of,
        steps=found.steps,
        conditions=found.conditions,
    )
