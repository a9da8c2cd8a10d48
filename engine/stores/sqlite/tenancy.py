"""TenancyStore on SQLite."""

from collections.abc import Sequence

import apsw
import msgspec

from catalog.errors import Conflict, Invalid, PreconditionFailed
from engine.records import AuditRow, Page
from engine.stores.sqlite.audit_chain import append_audit
from engine.stores.sqlite.failures import is_foreign_key
from engine.stores.sqlite.paging import after_name, page_by_name
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.tenant_kinds import KINDS, Kind, Tenant
from engine.stores.sqlite.transaction import Transaction
from engine.tenancy import Controller, Organisation, User

_encode = msgspec.json.Encoder().encode
_organisation = msgspec.json.Decoder(Organisation).decode
_controller = msgspec.json.Decoder(Controller).decode


class TenancyPart(Part):
    """Organisations, sites, controllers, people."""

    async def put_tenant(self, row: Tenant, audit: AuditRow) -> None:
        """See TenancyStore."""
        await self._writer.submit("put_tenant", _put, row, audit)

    async def get_tenant(self, kind: type, organisation_id: str, row_id: str) -> Tenant:
        """See TenancyStore."""
        facts = KINDS[kind]
        rows = self._readers.now(
            f"SELECT body FROM {facts.table} WHERE {facts.key} = ? AND {_owner(facts)} = ?", (row_id, organisation_id)
        )
        if not rows:
            raise facts.not_found(row_id)
        return facts.decode(rows[0][0])

    async def list_tenants(self, kind: type, organisation_id: str, limit: int, cursor: str | None) -> Page[Tenant]:
        """See TenancyStore."""
        facts = KINDS[kind]
        rows = await self._readers.run(
            Reading.rows,
            f"SELECT name, body FROM {facts.table} WHERE {_owner(facts)} = ? AND name > ? ORDER BY name LIMIT ?",
            (organisation_id, after_name(cursor), limit + 1),
        )
        return page_by_name(rows, limit, facts.decode)

    async def delete_tenant(self, kind: type, organisation_id: str, row_id: str, audit: AuditRow) -> None:
        """See TenancyStore. A person's credentials go with him."""
        await self._writer.submit("delete_tenant", _delete, KINDS[kind], organisation_id, row_id, audit)

    async def organisations(self) -> list[Organisation]:
        """See TenancyStore."""
        return [_organisation(row[0]) for row in self._readers.now("SELECT body FROM organisation ORDER BY name")]

    async def find_controllers(self, controller_ids: Sequence[str]) -> list[Controller]:
        """See TenancyStore."""
        rows = self._readers.now(
            "SELECT body FROM controller WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (msgspec.json.encode(list(controller_ids)).decode(),),
        )
        return [_controller(row[0]) for row in rows]


def _owner(kind: Kind) -> str:
    return "id" if kind is KINDS[Organisation] else "organisation_id"


def _put(transaction: Transaction, row: Tenant, audit: AuditRow) -> None:
    kind = KINDS[type(row)]
    if isinstance(row, Controller | User):
        row = _revised(transaction, kind, row)
    facts = {**kind.columns(row), "body": _encode(row)}
    key = ["organisation_id", "name"] if kind.key == "name" else ["id"]
    changed = ", ".join(f"{name} = excluded.{name}" for name in facts if name not in (*key, "organisation_id"))
    owned = "" if _owner(kind) == "id" else f" WHERE {kind.table}.organisation_id = excluded.organisation_id"
    try:
        transaction.execute(
            f"INSERT INTO {kind.table}({', '.join(facts)}) VALUES ({', '.join('?' * len(facts))})"
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}{owned}",
            tuple(facts.values()),
        )
    except apsw.ConstraintError as error:
        raise _refusal(error, kind, row) from None
    if transaction.connection.changes() == 0:
        raise kind.not_found(str(facts["id"]))
    append_audit(transaction, audit)


def _revised(transaction: Transaction, kind: Kind, row: Controller | User) -> Controller | User:
    rows = transaction.rows(f"SELECT revision FROM {kind.table} WHERE id = ?", (row.id,))
    if (rows[0][0] if rows else 0) != row.revision:
        raise PreconditionFailed(
            "REVISION_CHANGED",
            f"The {kind.word} `{row.name[:64]}` was edited or removed meanwhile.",
            hint="Read it again and repeat the edit.",
        )
    return msgspec.structs.replace(row, revision=row.revision + 1)


def _refusal(error: apsw.ConstraintError, kind: Kind, row: Tenant) -> Exception:
    if not is_foreign_key(error):
        return Conflict("NAME_TAKEN", f"There is a {kind.word} `{row.name[:64]}` already.", hint="Choose another name.")
    if isinstance(row, Controller):
        return Invalid("SITE_UNKNOWN", f"There is no site `{row.site_id[:64]}`.", hint="List the sites.")
    return Invalid("ORGANISATION_UNKNOWN", "There is no such organisation.", hint="Make the organisation first.")


def _delete(transaction: Transaction, kind: Kind, organisation_id: str, row_id: str, audit: AuditRow) -> None:
    try:
        transaction.execute(
            f"DELETE FROM {kind.table} WHERE {kind.key} = ? AND {_owner(kind)} = ?", (row_id, organisation_id)
        )
    except apsw.ConstraintError:
        raise Conflict(
            "IN_USE", f"The {kind.word} `{row_id[:64]}` is not empty.", hint="Remove what belongs to it first."
        ) from None
    if transaction.connection.changes() == 0:
        raise kind.not_found(row_id)
    append_audit(transaction, audit)
