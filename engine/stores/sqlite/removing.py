"""RemovalStore on SQLite."""

from collections.abc import Sequence

from catalog.errors import Conflict
from catalog.events import Event
from engine.changes import ChangeState, PendingChange
from engine.records import AuditRow
from engine.stores.sqlite.audit_chain import append_audit
from engine.stores.sqlite.change_rows import CHANGE_COLUMNS, change_of
from engine.stores.sqlite.events import insert_event
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.staged import move_change
from engine.stores.sqlite.tenant_kinds import KINDS
from engine.stores.sqlite.transaction import Transaction
from engine.tenancy import Controller

_OPEN = "FROM change WHERE organisation_id = ? AND state IN ('pending', 'applying') AND controller_id = ?"

Expired = Sequence[tuple[PendingChange, AuditRow, Event]]


class RemovalPart(Part):
    """A controller's end."""

    async def open_changes(self, organisation_id: str, controller_id: str) -> list[PendingChange]:
        """See RemovalStore."""
        rows = await self._readers.run(
            Reading.rows, f"SELECT {CHANGE_COLUMNS} {_OPEN} ORDER BY seq", (organisation_id, controller_id)
        )
        return [change_of(*row) for row in rows]

    async def remove_controller(
        self, organisation_id: str, controller_id: str, audit: AuditRow, expired: Expired
    ) -> None:
        """See RemovalStore."""
        await self._writer.submit("remove_controller", _remove, organisation_id, controller_id, audit, expired)


def _remove(
    transaction: Transaction, organisation_id: str, controller_id: str, audit: AuditRow, expired: Expired
) -> None:
    for change, row, event in expired:
        move_change(transaction, change, ChangeState.EXPIRED, change.token, row)
        insert_event(transaction, event)
    left = transaction.rows(f"SELECT count(*) {_OPEN}", (organisation_id, controller_id))[0][0]
    if left:
        raise Conflict(
            "IN_USE",
            f"The controller `{controller_id[:64]}` has changes that are pending or being applied: {left}.",
            hint="Decide on them, or remove it with `force=true`: what is pending expires.",
            details={"changes": left},
        )
    transaction.execute("DELETE FROM controller WHERE id = ? AND organisation_id = ?", (controller_id, organisation_id))
    if transaction.connection.changes() == 0:
        raise KINDS[Controller].not_found(controller_id)
    append_audit(transaction, audit)
