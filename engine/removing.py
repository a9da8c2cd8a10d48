"""Removing a controller: with it go the changes that wait for it, and nobody finds that out by an apply that fails."""

from catalog.daemons import LOCAL_DAEMON
from catalog.errors import Conflict
from catalog.events import Event
from catalog.jsonvalue import Json
from engine.audit import audit_row
from engine.change_events import change_event
from engine.changes import ChangeState, PendingChange
from engine.credentials import require
from engine.directory import TOPIC
from engine.measures import Measures
from engine.ports import Bus, Clock, Store
from engine.records import AuditRow
from engine.tenancy import Actor, Controller
from engine.workers import Workers

TRIES = 5
"""A change that is staged while one asks is met by asking again; after so many it is a stream of them."""


class Removal:
    """Removes controllers."""

    def __init__(self, store: Store, workers: Workers, clock: Clock, bus: Bus, measures: Measures) -> None:
        self._store = store
        self._workers = workers
        self._clock = clock
        self._bus = bus
        self._measures = measures

    async def remove(self, actor: Actor, controller_id: str, *, force: bool) -> int:
        """Remove it; how many changes expired with it. They expire, and are not rejected: nobody decided on them.

        Raises NotFound CONTROLLER_NOT_FOUND; Forbidden PERMISSION_DENIED; Conflict CONTROLLER_BUILT_IN, and IN_USE
        where a change is pending and `force` is false, or one is being applied.
        """
        organisation_id = actor.organisation_id
        found = await self._store.get_tenant(Controller, organisation_id, controller_id)
        if not isinstance(found, Controller):
            raise TypeError(f"{controller_id} is no controller")
        require(actor, "controllers.manage", found.site_id)
        if controller_id == LOCAL_DAEMON:
            raise Conflict(
                "CONTROLLER_BUILT_IN",
                "The controller of this server's own services daemon stays.",
                hint="Set its `read_only`, so that nothing is applied to it.",
            )
        for left in reversed(range(TRIES)):
            expired = [self._expiry(actor, found, each) for each in await self._pending(found)] if force else []
            row = audit_row(actor, "controller.deleted", controller_id, self._clock, {"name": found.name})
            try:
                await self._store.remove_controller(organisation_id, controller_id, row, expired)
            except Conflict:
                if not force or not left:
                    raise
                continue
            break
        self._tell(expired)
        return len(expired)

    async def _pending(self, controller: Controller) -> list[PendingChange]:
        changes = await self._store.open_changes(controller.organisation_id, controller.id)
        return [each for each in changes if each.state is ChangeState.PENDING]

    def _expiry(
        self, actor: Actor, controller: Controller, change: PendingChange
    ) -> tuple[PendingChange, AuditRow, Event]:
        change.note = f"Its controller `{controller.name}` was removed."
        details: Json = {"operation": change.operation_id, "digest": change.digest, "controller": controller.id}
        row = audit_row(actor, f"change.{ChangeState.EXPIRED}", change.id, self._clock, details)
        return change, row, change_event(change, ChangeState.EXPIRED.value, self._clock)

    def _tell(self, expired: list[tuple[PendingChange, AuditRow, Event]]) -> None:
        self._bus.publish(TOPIC, None)
        for _, _, event in expired:
            self._measures.changes[ChangeState.EXPIRED.value] += 1
            self._workers.on_event(event)
