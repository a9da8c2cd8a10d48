"""Staging and moving changes, inside a transaction."""

import apsw

from catalog.errors import Conflict, Forbidden, NotFound, TooMany
from engine.changes import TRANSITIONS, ChangeState, PendingChange
from engine.records import AuditRow
from engine.runs import Run
from engine.stores.sqlite.audit_chain import append_audit
from engine.stores.sqlite.change_rows import CHANGE_COLUMNS, change_body, change_of
from engine.stores.sqlite.failures import is_trigger
from engine.stores.sqlite.transaction import Transaction

PENDING_LIMIT = 2_000
"""Pending changes an organisation may hold."""

_INSERT = (
    "INSERT INTO change(id, organisation_id, controller_id, run_id, state, token, expires_at, lease_until,"
    " artifact_sha256, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOVE = "UPDATE change SET state = ?, token = ?, owner = ?, lease_until = ?, body = ? WHERE id = ?"
_COUNT = "SELECT count(*) FROM change WHERE organisation_id = ? AND state = 'pending'"


def insert_change(transaction: Transaction, change: PendingChange, audit: AuditRow) -> None:
    """Keep a pending change with its audit row. Raises TooMany CHANGE_LIMIT, Forbidden CROSS_TENANT_TARGET."""
    if transaction.rows(_COUNT, (change.organisation_id,))[0][0] >= PENDING_LIMIT:
        raise TooMany(
            "CHANGE_LIMIT",
            f"The organisation holds {PENDING_LIMIT} pending changes.",
            retry_after=60.0,
            hint="Apply or reject some of them first.",
        )
    facts = (
        change.id,
        change.organisation_id,
        change.controller_id,
        change.run_id,
        change.state.value,
        change.token,
        change.expires_at,
        change.lease_until,
        change.artifact.sha256 if change.artifact is not None else None,
        change_body(change),
    )
    try:
        transaction.execute(_INSERT, facts)
    except apsw.ConstraintError as error:
        if is_trigger(error):
            raise Forbidden(
                "CROSS_TENANT_TARGET",
                f"Controller `{change.controller_id[:64]}` is not one of this organisation's.",
                hint="Name a controller of your own organisation.",
            ) from None
        raise Conflict("CHANGE_EXISTS", f"Change `{change.id[:64]}` exists already.") from None
    append_audit(transaction, audit)
    transaction.tell(change.organisation_id, "change", change.id, change.state.value)


def get_stored(transaction: Transaction, organisation_id: str, change_id: str) -> PendingChange:
    """The change as it stands now. Raises NotFound CHANGE_NOT_FOUND."""
    rows = transaction.rows(
        f"SELECT {CHANGE_COLUMNS} FROM change WHERE id = ? AND organisation_id = ?", (change_id, organisation_id)
    )
    if not rows:
        raise change_not_found(change_id)
    return change_of(*rows[0])


def change_not_found(change_id: str) -> NotFound:
    """The error for a change that is absent or another organisation's."""
    return NotFound("CHANGE_NOT_FOUND", f"There is no change `{change_id[:64]}`.", hint="List the changes.")


def move_change(
    transaction: Transaction, outcome: PendingChange, state: ChangeState, token: int, audit: AuditRow
) -> PendingChange:
    """Compare and set: the stored change, under that token, moves on with the outcome fields of `outcome`."""
    stored = get_stored(transaction, outcome.organisation_id, outcome.id)
    if stored.token != token or state not in TRANSITIONS.get(stored.state, frozenset()):
        raise Conflict(
            "CHANGE_STATE",
            f"The change is {stored.state.value} and cannot become {state.value}.",
            hint="Look at the change again; somebody has decided on it.",
            details={"state": stored.state.value, "token": stored.token},
        )
    stored.state = state
    stored.token = token + 1 if state is ChangeState.APPLYING else token
    stored.lease_until = outcome.lease_until if state is ChangeState.APPLYING else None
    stored.decided_by, stored.decided_at = outcome.decided_by, outcome.decided_at
    stored.outcome, stored.error = outcome.outcome, outcome.error
    stored.drift, stored.note = outcome.drift, outcome.note
    transaction.execute(
        _MOVE, (state.value, stored.token, transaction.owner, stored.lease_until, change_body(stored), stored.id)
    )
    append_audit(transaction, audit)
    transaction.tell(stored.organisation_id, "change", stored.id, state.value)
    return stored


def supersede(transaction: Transaction, change: PendingChange, by: Run) -> PendingChange:
    """A pending change gives way to what a replay stages."""
    now = transaction.clock.now()
    change.decided_by, change.decided_at, change.note = by.author_id, now, f"superseded by run {by.id}"
    audit = AuditRow(
        organisation_id=change.organisation_id,
        time=now,
        actor_id=by.author_id,
        action="change.superseded",
        subject=change.id,
        details={"operation": change.operation_id, "digest": change.digest, "run": by.id},
    )
    return move_change(transaction, change, ChangeState.SUPERSEDED, change.token, audit)
