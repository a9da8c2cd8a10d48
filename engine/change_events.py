"""The events a pending change emits as it moves: `controller.change.<state>`, with the seed's payload."""

from catalog.events import Event
from engine.changes import PendingChange
from engine.ports import Clock
from engine.timestamps import rfc3339


def change_event(change: PendingChange, state: str, clock: Clock) -> Event:
    """The event that tells that `change` is now `state`.

    `feature` is the operation's id and `operation` its verb; `applied_at` is null in every state but `applied`;
    `actor_id` is who decided, or who staged it where nobody has decided yet.
    """
    now = clock.now()
    return Event(
        id=clock.new_id(),
        organisation_id=change.organisation_id,
        type=f"controller.change.{state}",
        payload={
            "change_id": change.id,
            "controller_id": change.controller_id,
            "feature": change.operation_id,
            "operation": change.operation_id.rpartition(".")[2],
            "target_id": change.change.target_id,
            "vendor": change.vendor,
            "status": state,
            "site_id": change.site_id,
            "applied_at": rfc3339(now) if state == "applied" else None,
            "actor_id": change.decided_by or change.staged_by,
        },
        time=now,
        depth=change.depth + 1,
        cause=change.run_id,
    )
