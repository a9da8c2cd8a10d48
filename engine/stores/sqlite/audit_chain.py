"""The audit log as a chain: every row's hash covers the row before it, and a head remembers the last."""

import hashlib

import msgspec

from catalog.jsonvalue import canonical
from engine.records import AuditRow
from engine.stores.sqlite.readers import Reading
from engine.stores.sqlite.transaction import Transaction

AUDIT_COLUMNS = "organisation_id, seq, time, actor_id, action, subject, address, details, previous, hash"
_CHUNK = 1_000


def append_audit(transaction: Transaction, row: AuditRow) -> AuditRow:
    """Append a row to its organisation's chain, in the transaction of what it tells."""
    rows = transaction.rows("SELECT seq, hash FROM audit_head WHERE organisation_id = ?", (row.organisation_id,))
    last, previous = rows[0] if rows else (0, "")
    details = canonical(row.details).decode()
    facts = (row.organisation_id, last + 1, row.time, row.actor_id, row.action, row.subject, row.address, details)
    chained = _hash(previous, facts)
    transaction.execute(
        f"INSERT INTO audit({AUDIT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*facts, previous, chained)
    )
    transaction.execute(
        "INSERT INTO audit_head(organisation_id, seq, hash) VALUES (?, ?, ?) ON CONFLICT (organisation_id)"
        " DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        (row.organisation_id, last + 1, chained),
    )
    return audit_of(*facts, previous, chained)


def audit_of(
    organisation_id: str,
    seq: int,
    time: float,
    actor_id: str,
    action: str,
    subject: str,
    address: str | None,
    details: str,
    previous: str,
    chained: str,
) -> AuditRow:
    """The row of AUDIT_COLUMNS."""
    return AuditRow(
        organisation_id=organisation_id,
        time=time,
        actor_id=actor_id,
        action=action,
        subject=subject,
        address=address,
        details=msgspec.json.decode(details),
        seq=seq,
        previous=previous,
        hash=chained,
    )


def verify_slice(reading: Reading, organisation_id: str, after: int, previous: str) -> tuple[int | None, int, str]:
    """Follow the chain for one slice: the seq of the first row that does not follow, the last good seq and its hash."""
    rows = reading.rows(
        f"SELECT {AUDIT_COLUMNS} FROM audit WHERE organisation_id = ? AND seq > ? ORDER BY seq LIMIT ?",
        (organisation_id, after, _CHUNK),
    )
    for row in rows:
        *facts, stored_previous, stored = row
        if stored_previous != previous or stored != _hash(previous, tuple(facts)):
            return after + 1, after, previous
        after, previous = facts[1], stored
    return None, after, previous


def verify_head(reading: Reading, organisation_id: str) -> int | None:
    """Do the rows end where the head says? The seq of the first that is missing, is too many, or is not the head's."""
    rows = reading.rows(
        "SELECT (SELECT seq FROM audit_head WHERE organisation_id = ?1), (SELECT hash FROM audit_head"
        " WHERE organisation_id = ?1), seq, hash FROM audit WHERE organisation_id = ?1"
        " UNION ALL SELECT seq, hash, 0, '' FROM audit_head WHERE organisation_id = ?1 ORDER BY 3 DESC LIMIT 1",
        (organisation_id,),
    )
    if not rows:
        return None
    head, head_hash, last, last_hash = rows[0]
    if head is None:
        return 1
    if head != last:
        return int(min(head, last)) + 1
    return None if head_hash == last_hash else int(last)


def _hash(previous: str, facts: tuple[object, ...]) -> str:
    return hashlib.sha256(previous.encode() + b"\n" + canonical(facts)).hexdigest()
