"""What is shown of each record to whom: the one place where redaction happens.

Whatever leaves the API passes through here into one of `shapes`, and what only an author (or somebody who may decide on
a change) may read is replaced by the seed's stand-in for all others.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from api.fabric.shapes import (
    EventRow,
    RunRow,
    ShownArtifact,
    ShownAsker,
    ShownChange,
    ShownConnection,
    ShownEvent,
    ShownFailure,
    ShownRun,
    ShownStep,
    StepRow,
)
from catalog.artifacts import ArtifactRef
from catalog.diagnostics import Diagnostic
from catalog.errors import ConnectionInvalid
from catalog.events import Event
from catalog.jsonvalue import Json
from engine.authoring import visible_to
from engine.changes import Asker, PendingChange
from engine.permissions import APPLY
from engine.records import StoredConnection
from engine.redaction import HIDDEN, hide_secrets, redacted_source
from engine.runs import Failure, Run, StepRecord
from engine.tenancy import Actor

SEALED_REASON = "Only the author of the Connection sees why."
CHANGE_EVENTS = "controller.change."


def moment(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as RFC 3339 in UTC, to the millisecond; None and 0 are "not yet"."""
    return stamp(seconds) if seconds else None


def stamp(seconds: float) -> datetime:
    """A time that is always known."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def connection(stored: StoredConnection, actor: Actor) -> ShownConnection:
    """A Connection for this reader: whole for its author; for others every step keeps its operation id alone."""
    mine = visible_to(actor, stored)
    source = stored.source if mine else redacted_source(stored.source)
    named = {name: source[name] for name in ShownConnection.__struct_fields__ if name in source}
    broken = stored.broken or None
    return ShownConnection(
        **{**named, "enabled": stored.enabled, "name": stored.name},
        id=stored.id,
        revision=stored.revision,
        author_id=stored.author_id,
        created_at=stamp(stored.created_at),
        updated_at=stamp(stored.updated_at),
        redacted=not mine,
        broken=broken if mine or broken is None else [{"code": each.get("code")} for each in broken],
    )


def sealed(
    error: ConnectionInvalid, stored: StoredConnection, actor: Actor, given: Collection[str] = ()
) -> ConnectionInvalid:
    """What the compiler says of a stored Connection, for this reader: of what he has neither written before nor
    `given` now, he learns the code and the step, and not the words.
    """
    if visible_to(actor, stored):
        return error
    return ConnectionInvalid([each if _field(each) in given else _sealed(each) for each in error.diagnostics])


def _field(diagnostic: Diagnostic) -> str:
    return diagnostic.pointer.split("/", 2)[1] if diagnostic.pointer else ""


def _sealed(diagnostic: Diagnostic) -> Diagnostic:
    place = "/".join(diagnostic.pointer.split("/")[:3])
    return Diagnostic(code=diagnostic.code, message=SEALED_REASON, pointer=place, severity=diagnostic.severity)


def run(record: Run, actor: Actor) -> ShownRun:
    """A run for this reader: its author sees what was rendered, answered and said; others see that it happened."""
    mine = _is_author(record, actor)
    return ShownRun(
        **_run_facts(record, mine),
        event=event(record.event, actor),
        conditions=_only(mine, record.conditions),
        steps=[_step(each, mine) for each in record.steps],
    )


def run_row(record: Run, actor: Actor) -> RunRow:
    """A run as lists show it."""
    mine, fired_by = _is_author(record, actor), record.event
    return RunRow(
        **_run_facts(record, mine),
        event=EventRow(id=fired_by.id, type=fired_by.type, time=stamp(fired_by.time)),
        steps=[StepRow(**_step_facts(each, mine)) for each in record.steps],
    )


def _is_author(record: Run, actor: Actor) -> bool:
    return actor.id == record.author_id and actor.organisation_id == record.organisation_id


def _run_facts(record: Run, mine: bool) -> Json:
    return {
        "id": record.id,
        "connection_id": record.connection_id,
        "connection_name": record.connection_name,
        "origin": record.origin,
        "state": record.state.value,
        "author_id": record.author_id,
        "revision": record.revision,
        "attempt": record.attempt,
        "queued_at": moment(record.queued_at),
        "started_at": moment(record.started_at),
        "ended_at": moment(record.ended_at),
        "waits_for": record.waits_for,
        "reason": record.reason,
        "error": _failure(record.error, mine),
        "replay_of": record.replay_of,
        "redacted": not mine,
    }


def _step_facts(record: StepRecord, mine: bool) -> Json:
    return {
        "index": record.index,
        "operation_id": record.operation_id,
        "id": record.id,
        "state": record.state.value,
        "attempts": record.attempts,
        "started_at": moment(record.started_at),
        "ended_at": moment(record.ended_at),
        "error": _failure(record.error, mine),
        "change_ids": list(record.change_ids),
        "reason": record.reason,
    }


def _step(record: StepRecord, mine: bool) -> ShownStep:
    return ShownStep(
        **_step_facts(record, mine),
        params=record.params if mine else HIDDEN,
        output=_only(mine, record.output),
        artifact=artifact(record.artifact),
        missing=list(record.missing) if mine else [],
    )


def event(record: Event, actor: Actor) -> ShownEvent:
    """An event; what a change is about is for those who may decide on changes."""
    payload = record.payload
    if record.type.startswith(CHANGE_EVENTS) and not actor.holds(APPLY) and isinstance(payload, dict):
        payload = {**payload, "target_id": HIDDEN}
    return ShownEvent(
        id=record.id,
        type=record.type,
        time=stamp(record.time),
        payload=payload,
        artifact=artifact(record.artifact),
        depth=record.depth,
        cause=record.cause,
        origin=record.origin,
    )


def change(record: PendingChange, actor: Actor, permission: str | None) -> ShownChange:
    """A change: whole for who staged it and for who may decide on it (he must see what he applies)."""
    decides = actor.holds(APPLY, record.site_id) and permission is not None and actor.holds(permission, record.site_id)
    mine = decides or actor.id == record.staged_by
    planned = record.change
    return ShownChange(
        id=record.id,
        operation_id=record.operation_id,
        controller_id=record.controller_id,
        site_id=record.site_id,
        vendor=record.vendor,
        state=record.state.value,
        digest=record.digest,
        target_id=planned.target_id if mine else None,
        summary=planned.summary if mine else None,
        request=hide_secrets(planned.request, planned.hidden) if mine else HIDDEN,
        before=_only(mine, planned.before),
        after=_only(mine, planned.after),
        precondition=_only(mine, planned.precondition),
        artifact=artifact(record.artifact),
        staged_by=record.staged_by,
        asked_by=_asker(record.asked_by),
        staged_at=stamp(record.staged_at),
        expires_at=stamp(record.expires_at),
        run_id=record.run_id,
        step_index=record.step_index,
        connection_id=record.connection_id,
        connection_name=record.connection_name,
        decided_by=record.decided_by,
        decided_at=moment(record.decided_at),
        note=record.note if mine else None,
        outcome=_only(mine, record.outcome),
        error=_failure(record.error, mine),
        drift=_only(mine, record.drift),
        redacted=not mine,
    )


def _asker(asker: Asker | None) -> ShownAsker | None:
    if asker is None:
        return None
    return ShownAsker(kind=asker.kind.value, name=asker.name, credential_id=asker.credential_id)


def _only(mine: bool, value: Json) -> Json:
    return value if mine or value is None else HIDDEN


def artifact(reference: ArtifactRef | None) -> ShownArtifact | None:
    """An artifact's proof, without the token."""
    if reference is None:
        return None
    return ShownArtifact(sha256=reference.sha256, size=reference.size, media_type=reference.media_type)


def _failure(failure: Failure | None, mine: bool) -> ShownFailure | None:
    if failure is None:
        return None
    if not mine:
        return ShownFailure(code=failure.code, message=SEALED_REASON)
    return ShownFailure(code=failure.code, message=failure.message, hint=failure.hint)
