"""CredentialStore on SQLite."""

import apsw
import msgspec

from catalog.errors import Conflict, Invalid, NotFound
from engine.records import AuditRow, Page
from engine.stores.sqlite.audit_chain import append_audit
from engine.stores.sqlite.failures import is_foreign_key
from engine.stores.sqlite.paging import after_seq, page_by_seq
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.transaction import Transaction
from engine.tenancy import Credential

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Credential).decode


class CredentialsPart(Part):
    """Tokens and keys."""

    async def put_credential(self, credential: Credential, audit: AuditRow) -> None:
        """See CredentialStore. Raises Invalid USER_UNKNOWN: its person is one of the organisation's."""
        await self._writer.submit("put_credential", _put, credential, audit)

    async def find_credential(self, sha256: str) -> Credential | None:
        """See CredentialStore."""
        rows = self._readers.now("SELECT body FROM credential WHERE sha256 = ?", (sha256,))
        return _decode(rows[0][0]) if rows else None

    async def list_credentials(self, organisation_id: str, limit: int, cursor: str | None) -> Page[Credential]:
        """See CredentialStore."""
        rows = await self._readers.run(
            Reading.rows,
            "SELECT seq, body FROM credential WHERE organisation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
            (organisation_id, after_seq(cursor), limit + 1),
        )
        return page_by_seq(rows, limit, _decode)

    async def get_credential(self, organisation_id: str, credential_id: str) -> Credential:
        """See CredentialStore."""
        rows = self._readers.now(
            "SELECT body FROM credential WHERE id = ? AND organisation_id = ?", (credential_id, organisation_id)
        )
        if not rows:
            raise NotFound(
                "KEY_NOT_FOUND", f"There is no credential `{credential_id[:64]}`.", hint="`fabric keys` lists them."
            )
        return _decode(rows[0][0])


def _put(transaction: Transaction, credential: Credential, audit: AuditRow) -> None:
    try:
        transaction.execute(
            "INSERT INTO credential(id, organisation_id, user_id, sha256, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body, sha256 = excluded.sha256"
            " WHERE credential.organisation_id = excluded.organisation_id AND credential.user_id = excluded.user_id",
            (credential.id, credential.organisation_id, credential.user_id, credential.sha256, _encode(credential)),
        )
    except apsw.ConstraintError as error:
        if is_foreign_key(error):
            raise Invalid(
                "USER_UNKNOWN", f"There is no person `{credential.user_id[:64]}`.", hint="List the people."
            ) from None
        raise _taken() from None
    if transaction.connection.changes() == 0:
        raise _taken()
    append_audit(transaction, audit)


def _taken() -> Conflict:
    return Conflict("KEY_EXISTS", "The credential belongs to somebody else.", hint="Make a new one.")
