"""Transaction: what a piece of work may do inside a batch."""

from typing import Any

import apsw

from catalog.jsonvalue import compact
from engine.ports import Clock
from engine.stores.sqlite.readers import Rows


class Transaction:
    """The writing connection, the process's identity, and the feed entries of the batch so far.

    Work is a function of a Transaction and may be run twice (see Writer): it keeps nothing outside the database.
    """

    __slots__ = ("_feed_seq", "clock", "connection", "execute", "feed", "owner")

    def __init__(self, connection: apsw.Connection, clock: Clock, owner: str) -> None:
        self.connection = connection
        self.execute = connection.execute
        self.clock = clock
        self.owner = owner
        self.feed: list[tuple[str, str, str, str]] = []
        self._feed_seq = -1

    def rows(self, statement: str, bindings: Any = None) -> Rows:
        """All rows of a statement's answer."""
        return self.execute(statement, bindings).fetchall()

    def tell(self, organisation_id: str, kind: str, subject: str, state: str) -> None:
        """Add a move of a run or change to the feed."""
        self.feed.append((organisation_id, kind, subject, state))

    def write_feed(self) -> list[str]:
        """Write the batch's feed entries, one row an organisation; whose feeds they are.

        Entries are numbered here, by the one writer inside the transaction: a reader never sees a number before all
        smaller ones.
        """
        entries: dict[str, list[tuple[str, str, str]]] = {}
        for organisation_id, *entry in self.feed:
            entries.setdefault(organisation_id, []).append((entry[0], entry[1], entry[2]))
        if self._feed_seq < 0:
            self._feed_seq = self.rows("SELECT coalesce(max(seq), 0) FROM feed")[0][0]
        now = self.clock.now()
        for organisation_id, moves in entries.items():
            self._feed_seq += len(moves)
            self.execute(
                "INSERT INTO feed(seq, organisation_id, time, entries) VALUES (?, ?, ?, ?)",
                (self._feed_seq, organisation_id, now, compact(moves)),
            )
        self.feed.clear()
        return list(entries)

    def forget(self) -> None:
        """After a rollback: what was told did not happen, and its numbers are free."""
        self.feed.clear()
        self._feed_seq = -1
