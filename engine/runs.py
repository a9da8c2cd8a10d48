"""Run and StepRecord: what happened when a Connection fired."""

from enum import StrEnum

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.events import Event
from catalog.jsonvalue import Json

MAX_ATTEMPTS = 3
"""A run that took its process down this often is a dead letter."""


class RunState(StrEnum):
    """`queued` and `running` are under way; the others are the end."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    DEAD_LETTER = "dead_letter"

    @property
    def over(self) -> bool:
        """Is it an end state?"""
        return self not in (RunState.QUEUED, RunState.RUNNING)


class StepState(StrEnum):
    """`staged` is a write that waits for a person and counts as success; `denied` is a refused permission."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    STAGED = "staged"
    FAILED = "failed"
    SKIPPED = "skipped"
    DENIED = "denied"


class Failure(msgspec.Struct, frozen=True):
    """Why a step or run failed; never quotes a payload's values."""

    code: str
    message: str
    hint: str | None = None


class StepRecord(msgspec.Struct, kw_only=True):
    """One step of a run. `params` are as rendered (a list of them under `foreach`), secrets hidden;
    `missing` lists references without a value."""

    index: int
    operation_id: str
    id: str | None = None
    state: StepState = StepState.PENDING
    attempts: int = 0
    started_at: float = 0.0
    ended_at: float = 0.0
    params: Json = None
    output: Json = None
    artifact: ArtifactRef | None = None
    error: Failure | None = None
    change_ids: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    reason: str | None = None


class Run(msgspec.Struct, kw_only=True):
    """One firing of one Connection by one event.

    `origin` is `live`, `replay:N` or `test`; (connection, event, origin) is unique. `epoch` grows with each claim and
    a result under an old one is refused. `waits_for` says what a queued run waits for; `reason` why it ended so.
    """

    id: str
    organisation_id: str
    connection_id: str
    connection_name: str
    event: Event
    origin: str = "live"
    state: RunState = RunState.QUEUED
    author_id: str = ""
    revision: int = 1
    epoch: int = 0
    attempt: int = 0
    queued_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    not_before: float = 0.0
    waits_for: str | None = None
    reason: str | None = None
    error: Failure | None = None
    replay_of: str | None = None
    steps: tuple[StepRecord, ...] = ()
    conditions: Json = None
