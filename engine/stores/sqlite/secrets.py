"""SecretStore on SQLite."""

from collections.abc import Sequence

import msgspec

from catalog.errors import NotFound
from engine.records import AuditRow
from engine.stores.sqlite.audit_chain import append_audit
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.transaction import Transaction


class SecretsPart(Part):
    """Sealed secrets."""

    async def put_secret(self, organisation_id: str, name: str, sealed: bytes, audit: AuditRow) -> None:
        """See SecretStore."""
        await self._writer.submit("put_secret", _put, organisation_id, name, sealed, audit)

    async def sealed_secrets(self, organisation_id: str, names: Sequence[str]) -> dict[str, bytes]:
        """See SecretStore."""
        rows = self._readers.now(
            "SELECT name, sealed FROM secret WHERE organisation_id = ? AND name IN (SELECT value FROM json_each(?))",
            (organisation_id, msgspec.json.encode(list(names)).decode()),
        )
        return dict(rows)

    async def list_secrets(self, organisation_id: str) -> list[tuple[str, float]]:
        """See SecretStore."""
        rows = self._readers.now(
            "SELECT name, time FROM secret WHERE organisation_id = ? ORDER BY name", (organisation_id,)
        )
        return [(name, time) for name, time in rows]

    async def delete_secret(self, organisation_id: str, name: str, audit: AuditRow) -> None:
        """See SecretStore."""
        await self._writer.submit("delete_secret", _delete, organisation_id, name, audit)


def _put(transaction: Transaction, organisation_id: str, name: str, sealed: bytes, audit: AuditRow) -> None:
    transaction.execute(
        "INSERT OR REPLACE INTO secret(organisation_id, name, sealed, time) VALUES (?, ?, ?, ?)",
        (organisation_id, name, sealed, transaction.clock.now()),
    )
    append_audit(transaction, audit)


def _delete(transaction: Transaction, organisation_id: str, name: str, audit: AuditRow) -> None:
    transaction.execute("DELETE FROM secret WHERE organisation_id = ? AND name = ?", (organisation_id, name))
    if transaction.connection.changes() == 0:
        raise NotFound("SECRET_NOT_FOUND", f"There is no secret `{name[:64]}`.", hint="`fabric secrets` lists them.")
    append_audit(transaction, audit)
