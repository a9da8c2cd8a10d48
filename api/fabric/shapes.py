"""Shapes: what REST shows of connections, runs, events and changes. Allow-lists: what is not named is not sent."""

from datetime import datetime

import msgspec

from catalog.jsonvalue import Json


class Shown(msgspec.Struct, kw_only=True):
    """What every shown record is."""


class ShownConnection(Shown, omit_defaults=True):
    """A Connection. Times are RFC 3339; `revision` is its ETag; `broken` lists what a later catalog found wrong."""

    id: str
    name: str
    enabled: bool
    revision: int
    author_id: str
    created_at: datetime
    updated_at: datetime
    redacted: bool
    source_event: str | list[str]
    steps: list[dict[str, Json]]
    description: str = ""
    labels: dict[str, str] = {}
    conditions: Json = None
    cooldown_seconds: int = 0
    max_rate: str | None = None
    timeout: str | None = None
    broken: list[Json] | None = None


class ShownArtifact(Shown):
    """Bytes by reference; the token that opens them stays inside."""

    sha256: str
    size: int
    media_type: str


class ShownFailure(Shown):
    """Why something failed."""

    code: str
    message: str
    hint: str | None = None


class StepRow(Shown):
    """One step of a run as lists show it."""

    index: int
    operation_id: str
    id: str | None
    state: str
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    error: ShownFailure | None
    change_ids: list[str]
    reason: str | None


class ShownStep(StepRow):
    """One step of a run, with what went in and what came out."""

    params: Json
    output: Json
    artifact: ShownArtifact | None
    missing: list[str]


class EventRow(Shown):
    """Which event it was."""

    id: str
    type: str
    time: datetime


class ShownEvent(EventRow):
    """An event. `depth` counts the firings that led to it, `cause` names the run that did."""

    payload: Json
    artifact: ShownArtifact | None
    depth: int
    cause: str | None
    origin: str


class RunFacts(Shown):
    """What a run's row and the run itself have in common."""

    id: str
    connection_id: str
    connection_name: str
    origin: str
    state: str
    author_id: str
    revision: int
    attempt: int
    queued_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    waits_for: str | None
    reason: str | None
    error: ShownFailure | None
    replay_of: str | None
    redacted: bool


class RunRow(RunFacts):
    """A run as lists show it: without payload, params and outputs, which may be large."""

    event: EventRow
    steps: list[StepRow]


class ShownRun(RunFacts):
    """A run with its steps."""

    event: ShownEvent
    conditions: Json
    steps: list[ShownStep]


class ShownAsker(Shown):
    """What asked for a change: a `person`, a `key` or an `assistant`, and its name."""

    kind: str
    name: str
    credential_id: str | None


class ShownChange(Shown):
    """A staged write. Only the `digest` that stands here, sent back by a person, applies it."""

    id: str
    operation_id: str
    controller_id: str
    site_id: str
    vendor: str
    state: str
    digest: str
    target_id: str | None
    summary: str | None
    request: Json
    before: Json
    after: Json
    precondition: Json
    artifact: ShownArtifact | None
    staged_by: str
    asked_by: ShownAsker | None
    staged_at: datetime
    expires_at: datetime
    run_id: str | None
    step_index: int | None
    connection_id: str | None
    connection_name: str | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    outcome: Json
    error: ShownFailure | None
    drift: Json
    redacted: bool
