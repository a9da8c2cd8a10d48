"""Cooldowns: how long a Connection rests, whatever the wall clock does."""

from engine.stores.sqlite.transaction import Transaction


def rests(transaction: Transaction, connection_id: str, seconds: float) -> bool:
    """Does the Connection rest now? If not, a rest of so many seconds begins.

    Within the process that began the rest the monotonic clock decides. After a restart only the wall clock is left: a
    rest that would last longer than `seconds` from now shows that it was set back, and is taken as over.
    """
    now, monotonic = transaction.clock.now(), transaction.clock.monotonic()
    rows = transaction.rows(
        "SELECT until, owner, until_monotonic FROM cooldown WHERE connection_id = ?", (connection_id,)
    )
    if rows:
        until, owner, until_monotonic = rows[0]
        left = until_monotonic - monotonic if owner == transaction.owner else until - now
        if 0 < left <= seconds or (left > seconds and owner == transaction.owner):
            return True
    transaction.execute(
        "INSERT OR REPLACE INTO cooldown(connection_id, until, owner, until_monotonic) VALUES (?, ?, ?, ?)",
        (connection_id, now + seconds, transaction.owner, monotonic + seconds),
    )
    return False
