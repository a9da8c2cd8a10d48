"""Audit rows: who did what, when, from where; written in the transaction of the deed."""

from catalog.jsonvalue import Json
from engine.ports import Clock
from engine.records import AuditRow
from engine.tenancy import Actor, ActorKind


def audit_row(actor: Actor, action: str, subject: str, clock: Clock, details: Json = None) -> AuditRow:
    """The row for a deed of `actor`: `action` such as `connection.created`, `subject` the id of what it was done to.

    An assistant acts for its owner, so its deeds name the credential besides.
    """
    if actor.kind is ActorKind.ASSISTANT:
        details = {**(details or {}), "assistant": actor.credential_id}
    return AuditRow(
        organisation_id=actor.organisation_id,
        time=clock.now(),
        actor_id=actor.id,
        action=action,
        subject=subject,
        address=actor.address,
        details=details,
    )


def system_actor(organisation_id: str) -> Actor:
    """The engine itself, for what no person does: expiry, retention."""
    return Actor(id="system", organisation_id=organisation_id, name="system", kind=ActorKind.SYSTEM)
