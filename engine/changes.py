"""PendingChange: a staged write, its states, and the transitions that are allowed between them."""

from enum import StrEnum

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.changes import Change
from catalog.jsonvalue import Json
from engine.runs import Failure
from engine.tenancy import ActorKind


class ChangeState(StrEnum):
    """`unknown`: sent, and no answer came; it waits for a person and is never sent again by itself."""

    PENDING = "pending"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DRIFTED = "drifted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


TRANSITIONS: dict[ChangeState, frozenset[ChangeState]] = {
    ChangeState.PENDING: frozenset(
        {ChangeState.APPLYING, ChangeState.REJECTED, ChangeState.EXPIRED, ChangeState.SUPERSEDED}
    ),
    ChangeState.APPLYING: frozenset(
        {ChangeState.APPLIED, ChangeState.FAILED, ChangeState.UNKNOWN, ChangeState.DRIFTED}
    ),
}
"""Every other move is refused by the store's compare-and-set."""


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """What asked for a change on behalf of `staged_by`: he himself, a key or an assistant of his, and its name."""

    kind: ActorKind
    name: str
    credential_id: str | None = None


class PendingChange(msgspec.Struct, kw_only=True):
    """A write that waits for a person. `token` grows with each claim by Apply; an old token cannot end it.

    `digest` is the hex SHA-256 of all that is shown (see catalog.changes.Change.digest) and must come back with Apply.
    `asked_by` is there where it was asked for directly, and not by a Connection.
    """

    id: str
    organisation_id: str
    operation_id: str
    controller_id: str
    site_id: str
    vendor: str
    change: Change
    digest: str
    staged_by: str
    staged_at: float
    expires_at: float
    state: ChangeState = ChangeState.PENDING
    token: int = 0
    artifact: ArtifactRef | None = None
    run_id: str | None = None
    step_index: int | None = None
    connection_id: str | None = None
    connection_name: str | None = None
    depth: int = 0
    decided_by: str | None = None
    decided_at: float | None = None
    lease_until: float | None = None
    outcome: Json = None
    error: Failure | None = None
    drift: Json = None
    note: str | None = None
    asked_by: Asker | None = None
