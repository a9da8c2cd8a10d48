"""ConnectionStore on SQLite."""

import apsw
import msgspec

from catalog.errors import Conflict, NotFound, PreconditionFailed
from catalog.jsonvalue import Json
from engine.records import AuditRow, Page, StoredConnection
from engine.stores.sqlite.audit_chain import append_audit
from engine.stores.sqlite.paging import after_name, page_by_name
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.transaction import Transaction

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredConnection).decode
_CHUNK = 500


class ConnectionsPart(Part):
    """Stored Connections."""

    async def put_connection(self, connection: StoredConnection, audit: AuditRow) -> StoredConnection:
        """See ConnectionStore."""
        return await self._writer.submit("put_connection", _put, connection, audit)

    async def get_connection(self, organisation_id: str, name_or_id: str) -> StoredConnection:
        """See ConnectionStore. Where one's name is another's id, the id wins."""
        rows = self._readers.now(
            "SELECT body FROM connection WHERE organisation_id = ?1 AND (id = ?2 OR name = ?2) ORDER BY id = ?2 DESC",
            (organisation_id, name_or_id),
        )
        if not rows:
            raise _not_found(name_or_id)
        return _decode(rows[0][0])

    async def list_connections(self, organisation_id: str, limit: int, cursor: str | None) -> Page[StoredConnection]:
        """See ConnectionStore."""
        rows = await self._readers.run(
            Reading.rows,
            "SELECT name, body FROM connection WHERE organisation_id = ? AND name > ? ORDER BY name LIMIT ?",
            (organisation_id, after_name(cursor), limit + 1),
        )
        return page_by_name(rows, limit, _decode)

    async def delete_connection(self, organisation_id: str, connection_id: str, audit: AuditRow) -> None:
        """See ConnectionStore. Raises NotFound CONNECTION_NOT_FOUND."""
        await self._writer.submit("delete_connection", _delete, organisation_id, connection_id, audit)

    async def all_connections(self) -> list[StoredConnection]:
        """See ConnectionStore."""
        found: list[StoredConnection] = []
        last = ""
        while rows := await self._readers.run(
            Reading.rows, "SELECT id, body FROM connection WHERE id > ? ORDER BY id LIMIT ?", (last, _CHUNK)
        ):
            found.extend(_decode(row[1]) for row in rows)
            last = rows[-1][0]
        return found

    async def mark_broken(self, connection_id: str, broken: Json) -> None:
        """See ConnectionStore. A Connection that is gone meanwhile is left alone."""
        await self._writer.submit("mark_broken", _mark, connection_id, broken)


def _stored(transaction: Transaction, connection_id: str) -> StoredConnection | None:
    rows = transaction.rows("SELECT body FROM connection WHERE id = ?", (connection_id,))
    return _decode(rows[0][0]) if rows else None


def _put(transaction: Transaction, connection: StoredConnection, audit: AuditRow) -> StoredConnection:
    old = _stored(transaction, connection.id)
    if (old.revision if old is not None else 0) != connection.revision or (
        old is not None and old.organisation_id != connection.organisation_id
    ):
        raise PreconditionFailed(
            "REVISION_CHANGED",
            f"Connection `{connection.name[:64]}` was edited or deleted meanwhile.",
            hint="Read it again and repeat the edit.",
        )
    kept = msgspec.structs.replace(connection, revision=connection.revision + 1)
    try:
        transaction.execute(
            "INSERT INTO connection(id, organisation_id, name, revision, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET name = excluded.name, revision = excluded.revision, body = excluded.body",
            (kept.id, kept.organisation_id, kept.name, kept.revision, _encode(kept)),
        )
    except apsw.ConstraintError:
        raise Conflict(
            "CONNECTION_EXISTS", f"There is a Connection `{kept.name[:64]}` already.", hint="Choose another name."
        ) from None
    append_audit(transaction, audit)
    return kept


def _delete(transaction: Transaction, organisation_id: str, connection_id: str, audit: AuditRow) -> None:
    transaction.execute("DELETE FROM connection WHERE id = ? AND organisation_id = ?", (connection_id, organisation_id))
    if transaction.connection.changes() == 0:
        raise _not_found(connection_id)
    transaction.execute("DELETE FROM cooldown WHERE connection_id = ?", (connection_id,))
    append_audit(transaction, audit)


def _mark(transaction: Transaction, connection_id: str, broken: Json) -> None:
    stored = _stored(transaction, connection_id)
    if stored is not None:
        marked = msgspec.structs.replace(stored, broken=broken)
        transaction.execute("UPDATE connection SET body = ? WHERE id = ?", (_encode(marked), connection_id))


def _not_found(name_or_id: str) -> NotFound:
    return NotFound(
        "CONNECTION_NOT_FOUND",
        f"There is no Connection `{name_or_id[:64]}`.",
        hint="`fabric connections ls` lists them.",
    )
