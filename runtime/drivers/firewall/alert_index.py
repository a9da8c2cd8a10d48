"""AlertIndex: one controller's alerts in a SQLite file, with the place in the log up to which they were read.

Alerts and place are written together, so that none is missed and none comes twice, whoever reads and wherever he is
killed. The file can be made anew from the log: a broken one is. Everything here blocks.
"""

import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw
import msgspec

from runtime.drivers.firewall.face import Alert, Found, Wanted
from runtime.drivers.firewall.log_file import Place
from runtime.drivers.firewall.record import Record, shown
from runtime.drivers.firewall.settings import Severity

LEVELS: tuple[Severity, ...] = ("low", "medium", "high", "critical")
BUSY_MS = 5000
PRUNED_AT_ONCE = 5000

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE alert (id INTEGER PRIMARY KEY AUTOINCREMENT, at_us INTEGER NOT NULL, level INTEGER NOT NULL,
                    record BLOB NOT NULL) STRICT;
CREATE INDEX alert_by_time ON alert (at_us, id);
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1);
CREATE TABLE standing (only INTEGER PRIMARY KEY CHECK (only = 1), state BLOB NOT NULL) STRICT;
PRAGMA user_version = {_VERSION};
"""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log was read, and what came of it. `told` is the last alert that a follower has spoken of.

    `name` is this index's own: one that is made anew has another. `bad` lines could not be read; `gaps` rotations were
    compressed or gone before they were.
    """

    name: str
    file: str
    place: Place | None = None
    told: int = 0
    bad: int = 0
    gaps: int = 0


def place_of(home: Path, controller_id: str) -> Path:
    """Where a controller's index lies."""
    return home / "alerts" / f"{controller_id}.sqlite"


def forget_but(home: Path, controller_ids: Collection[str]) -> None:
    """Delete the indexes of all other controllers. Raises OSError."""
    for file in (home / "alerts").glob("*.sqlite*"):
        if file.name.partition(".sqlite")[0] not in controller_ids:
            file.unlink(missing_ok=True)


class AlertIndex:
    """An open one. Not for two threads at a time; several may be open at once."""

    def __init__(self, path: Path, file: str) -> None:
        """`file` is the log; an index of another one begins at the beginning of this one."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = file
        try:
            self._connection = _opened(path)
        except (apsw.NotADBError, apsw.CorruptError):
            for end in ("", "-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            self._connection = _opened(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[State]:
        """The state, while nobody else reads the log on; what is written inside is written at once or not at all."""
        with self._connection:
            # The state is read under the lock: the first statement of the transaction takes it.
            self._connection.execute("UPDATE standing SET only = 1")
            yield self.state()

    def state(self) -> State:
        """As it was last kept."""
        row = self._connection.execute("SELECT state FROM standing").get
        found = None if row is None else msgspec.json.decode(row, type=State)
        if found is None or found.file != self._file:
            return State(name=uuid.uuid4().hex if found is None else found.name, file=self._file)
        return found

    def keep(self, state: State, records: Iterable[Record] = ()) -> None:
        """Inside `writing`."""
        for record in records:
            row = (record.at_us, LEVELS.index(record.severity), msgspec.msgpack.encode(record))
            self._connection.execute("INSERT INTO alert (at_us, level, record) VALUES (?, ?, ?)", row)
            number = self._connection.last_insert_rowid()
            self._connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, record.text))
        self._connection.execute(
            "INSERT INTO standing VALUES (1, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
            (msgspec.json.encode(state),),
        )

    def last(self) -> int:
        """The last alert's number, whether it is still kept or not; 0 before the first."""
        found = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'alert'").get
        return int(found or 0)

    def forget(self, rows: int, days: float) -> None:
        """Keep so many alerts, and none that is older. A part of them at a time."""
        newest = self.last()
        before = int((time.time() - days * 86_400) * 1_000_000)
        gone = "SELECT id FROM alert WHERE id <= ? UNION SELECT id FROM alert WHERE at_us < ? LIMIT ?"
        with self._connection:
            found = self._connection.execute(gone, (newest - rows, before, PRUNED_AT_ONCE)).fetchall()
            for table, column in (("words", "rowid"), ("alert", "id")):
                self._connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", found)  # noqa: S608 - ours

    def search(self, wanted: Wanted, *, whole: bool) -> Found:
        """The latest first."""
        where, values = _conditions(wanted)
        total = self._connection.execute(f"SELECT count(*) FROM alert {where}", values).get  # noqa: S608 - ours
        rows = self._connection.execute(
            f"SELECT id, record FROM alert {where} ORDER BY at_us DESC, id DESC LIMIT ?",  # noqa: S608 - ours
            (*values, wanted.limit),
        )
        return Found(alerts=tuple(_alert(number, record) for number, record in rows), total=int(total), whole=whole)


def _opened(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", 1)
        if connection.pragma("user_version") == 0:
            _make(connection)
        if connection.pragma("user_version") != _VERSION:
            raise apsw.NotADBError("an index of another version")
    except apsw.Error:
        connection.close()
        raise
    return connection


def _make(connection: apsw.Connection) -> None:
    """Unless somebody else has, meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if connection.pragma("user_version") == 0:
            connection.execute(_SCHEMA).fetchall()
    connection.execute("COMMIT")


def _conditions(wanted: Wanted) -> tuple[str, Sequence[str | int]]:
    parts: list[str] = []
    values: list[str | int] = []
    if wanted.words:
        parts.append("id IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(" AND ".join('"' + each.replace('"', '""') + '"' for each in wanted.words))
    if wanted.severity is not None:
        parts.append("level = ?")
        values.append(LEVELS.index(wanted.severity))
    if wanted.after_us is not None:
        parts.append("at_us > ?")
        values.append(wanted.after_us)
    return ("WHERE " + " AND ".join(parts) if parts else ""), values


def _alert(number: int, record: bytes) -> Alert:
    found = msgspec.msgpack.decode(record, type=Record)
    return Alert(
        id=str(number),
        at=shown(found.at_us),
        severity=found.severity,
        signature=found.signature,
        source=found.source,
        destination=found.destination,
        protocol=found.protocol,
        category=found.category,
        action=found.action,
    )
