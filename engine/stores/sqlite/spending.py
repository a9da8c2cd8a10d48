"""SpendingStore on SQLite."""

from collections.abc import Mapping, Sequence

import apsw
import msgspec

from catalog.errors import NotFound
from catalog.events import Event
from engine.records import Spent
from engine.stores.sqlite.events import insert_event
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.transaction import Transaction

_CALLS = "SELECT day, calls FROM spending WHERE credential_id = ?"
_COUNT = (
    "INSERT INTO spending(credential_id, day, calls) VALUES (?, ?, ?)"
    " ON CONFLICT (credential_id) DO UPDATE SET day = excluded.day, calls = excluded.calls"
)


class SpendingPart(Part):
    """What assistants have called."""

    async def spend(self, credential_id: str, day: str, limit: int, events: Mapping[int, Event]) -> Spent:
        """See SpendingStore."""
        return await self._writer.submit("spend", _spend, credential_id, day, limit, events)

    async def spending(self, credential_ids: Sequence[str], day: str) -> dict[str, int]:
        """See SpendingStore."""
        rows = self._readers.now(
            "SELECT credential_id, calls FROM spending"
            " WHERE day >= ? AND credential_id IN (SELECT value FROM json_each(?))",
            (day, msgspec.json.encode(list(credential_ids)).decode()),
        )
        return dict(rows)


def _spend(transaction: Transaction, credential_id: str, day: str, limit: int, events: Mapping[int, Event]) -> Spent:
    rows = transaction.rows(_CALLS, (credential_id,))
    counted, calls = rows[0] if rows else (day, 0)
    if counted < day:
        counted, calls = day, 0
    if calls >= limit:
        return Spent(day=counted, calls=calls, refused=True)
    calls += 1
    try:
        transaction.execute(_COUNT, (credential_id, counted, calls))
    except apsw.ConstraintError:
        raise NotFound("KEY_NOT_FOUND", f"There is no credential `{credential_id[:64]}`.") from None
    event = events.get(calls)
    if event is not None:
        insert_event(transaction, event)
    return Spent(day=counted, calls=calls, event=event)
