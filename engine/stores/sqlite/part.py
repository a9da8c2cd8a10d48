"""Part: what every face of the store stands on."""

from engine.ports import Clock
from engine.stores.sqlite.lock import FileLock
from engine.stores.sqlite.readers import Readers
from engine.stores.sqlite.transaction import Transaction
from engine.stores.sqlite.writer import Writer


class Seat:
    """An opened database: who writes, who reads, for whom, and the lock that keeps others out."""

    def __init__(self, transaction: Transaction, writer: Writer, readers: Readers, lock: FileLock) -> None:
        self.writer = writer
        self.readers = readers
        self.clock = transaction.clock
        self.owner = transaction.owner
        self.closed = False
        self._transaction = transaction
        self._lock = lock

    def close(self) -> None:
        """Checkpoint, close every connection, let go of the lock. Blocks; the writer has ended."""
        if not self.closed:
            self.closed = True
            self.readers.close()
            close_writer(self._transaction)
            self._lock.release()


class Part:
    """One of the Protocols of a Store, on a Seat."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._writer: Writer = seat.writer
        self._readers: Readers = seat.readers
        self._clock: Clock = seat.clock


def close_writer(transaction: Transaction) -> None:
    """Closing the last connection checkpoints and removes the log: its absence marks a clean stop."""
    transaction.connection.close()
