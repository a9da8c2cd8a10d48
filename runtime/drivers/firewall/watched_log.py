"""WatchedLog: a gateway that is known by a log file on this machine. What its lines say, each driver knows."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

import apsw
import msgspec

from catalog.errors import FabricError, Unavailable
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import named, not_found, refused
from runtime.drivers.firewall.alert_index import AlertIndex, State, place_of
from runtime.drivers.firewall.face import Found, Reading, Standing, Wanted
from runtime.drivers.firewall.log_file import LogFile, Piece
from runtime.drivers.firewall.record import Record, Unfit
from runtime.drivers.firewall.settings import EveSettings, UlogdSettings
from runtime.drivers.lanes import Lanes
from runtime.drivers.link import Link
from runtime.plain_files import open_plain, read_plain

T = TypeVar("T")

SPARED = 0.2
"""Of the time for a search, what is left for the search itself when the log is long."""

LONGEST_PID = 64
"""Bytes of a file that holds a process id."""

_LANES = Lanes()


class WatchedLog(ABC):
    """Implements Gateway but for what a line says."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(EveSettings | UlogdSettings, link.settings)
        self._path = Path(self._settings.file)

    @abstractmethod
    def read_line(self, line: bytes) -> Record | None:
        """The alert of one line; None for another record. Raises Unfit."""

    async def search(self, wanted: Wanted) -> Found:
        """See Gateway."""
        seconds = self._link.seconds * (1 - SPARED)
        return await self._run("for its alerts", lambda: self._search(wanted, seconds))

    async def standing(self) -> Standing:
        """See Gateway."""
        return await self._run("for its log", self._standing)

    async def read_on(self, *, heard: bool = False) -> Reading:
        """See Gateway."""
        seconds = self._link.seconds * (1 - SPARED)
        return await self._run("for its log", lambda: self._read_on(seconds, heard))

    async def told(self, reading: Reading) -> None:
        """See Gateway."""
        number = int(reading.mark.rpartition(" ")[2])
        await self._run("for its log", lambda: self._told(number))

    async def check(self) -> Sequence[Check]:
        """See Peer."""
        try:
            reading = await self.read_on()
            standing = await self.standing()
            state = await self._run("for its log", self._state)
        except FabricError as error:
            return [Check(name="open log", ok=False, detail=error.message, code=error.code, hint=error.hint)]
        lost = f"; {state.bad} lines were unreadable, {state.gaps} rotations lost" if state.bad or state.gaps else ""
        read = "read to its end" if reading.whole else "not yet read to its end"
        hint = None if standing.online else "Is the gateway running, and does it write this file?"
        return [
            Check(name="open log", ok=True, detail=f"{self._path}: {read}{lost}"),
            Check(name="gateway at work", ok=standing.online, detail=standing.reason or "", hint=hint),
        ]

    async def devices(self) -> Sequence[Device]:
        """See Peer: the gateway itself."""
        standing = await self.standing()
        target = self._link.target
        return [
            Device(
                device_id="gateway",
                name=target.name or target.id,
                kind="gateway",
                online=standing.online,
                facts={"log": self._settings.file, "driver": target.driver},
                reason=standing.reason,
            )
        ]

    async def _run(self, what: str, work: Callable[[], T]) -> T:
        async with self._link.reaching(what):
            return await _LANES.run(self._link.target, work)

    def _search(self, wanted: Wanted, seconds: float) -> Found:
        with self._index() as index:
            try:
                whole = self._catch_up(index, seconds)
            except FabricError:
                # What was read before is still to be found: between two renames of a rotation there is no log.
                if index.state().place is None:
                    raise
                whole = False
            return index.search(wanted, whole=whole)

    def _read_on(self, seconds: float, heard: bool) -> Reading:
        with self._index() as index:
            whole = self._catch_up(index, seconds, heard=heard)
            if heard and index.state().told < index.last():
                # A search has read it while somebody was listening.
                self._mark(index, index.last())
            state, last = index.state(), index.last()
            now = int(time.time() * 1_000_000)
            return Reading(new=last - min(state.told, last), at_us=now, mark=f"{state.name} {last}", whole=whole)

    def _told(self, number: int) -> None:
        with self._index() as index:
            self._mark(index, number)

    def _mark(self, index: AlertIndex, number: int) -> None:
        with index.writing() as state:
            index.keep(msgspec.structs.replace(state, told=max(state.told, number)))

    def _state(self) -> State:
        with self._index() as index:
            return index.state()

    def _catch_up(self, index: AlertIndex, seconds: float, *, heard: bool = False) -> bool:
        """Read to the log's end; False where the time was over before."""
        until = time.monotonic() + seconds
        if self._is_read(index.state()):
            return True
        while True:
            # A piece at a time, each under the lock: a search beside a follower reads nothing twice, nor waits long.
            with index.writing() as state, self._opened():
                moved = self._keep_next(index, state, heard)
            index.forget(self._settings.keep_rows, self._settings.keep_days)
            if not moved:
                return True
            if time.monotonic() >= until:
                return False

    def _keep_next(self, index: AlertIndex, state: State, heard: bool) -> bool:
        """Keep the next piece of the log; False where there is none."""
        for piece in LogFile(self._path).pieces(state.place):
            if piece.place == state.place and not piece.lines:
                continue
            records, bad = self._records(piece)
            gaps = state.gaps + piece.gap
            told = index.last() + len(records) if heard else state.told
            read = msgspec.structs.replace(state, place=piece.place, bad=state.bad + bad, gaps=gaps, told=told)
            index.keep(read, records)
            return True
        return False

    def _records(self, piece: Piece) -> tuple[list[Record], int]:
        """The alerts of a piece, and how many of its lines could not be read."""
        records: list[Record] = []
        bad = piece.skipped
        for line in piece.lines:
            try:
                record = self.read_line(line) if line.strip() else None
            except Unfit:
                bad += 1
                continue
            if record is not None:
                records.append(record)
        return records, bad

    def _is_read(self, state: State) -> bool:
        """Has nothing come since? Said without waiting for anybody who writes."""
        try:
            found = self._path.stat()
        except OSError:
            return False
        place = state.place
        return place is not None and (found.st_ino, found.st_size) == (place.inode, place.offset) and place.offset > 0

    def _standing(self) -> Standing:
        try:
            with open_plain(self._path) as file:
                at = os.fstat(file.fileno()).st_mtime
        except OSError as error:
            return Standing(online=False, reason=f"its log cannot be opened: {_told(error)}")
        last, silent = int(at * 1_000_000), time.time() - at
        gone = _gone(Path(self._settings.pid_file)) if self._settings.pid_file else None
        if gone is not None:
            return Standing(online=False, last_us=last, reason=gone)
        if 0 < self._settings.stale_seconds <= silent:
            return Standing(online=False, last_us=last, reason=f"it has logged nothing for {silent:.0f} s")
        return Standing(online=True, last_us=last)

    @contextmanager
    def _index(self) -> Iterator[AlertIndex]:
        """Opened for one use: files of controllers that are no more are nobody's."""
        home = self._link.ports.home
        if home is None:
            raise ValueError("a driver that keeps files was opened without a home for them")
        target = self._link.target
        try:
            index = AlertIndex(place_of(home, target.id), self._settings.file)
            try:
                yield index
            finally:
                index.close()
        except (apsw.Error, OSError) as error:
            raise Unavailable(
                "ALERTS_UNAVAILABLE",
                f"{named(target)} has alerts that cannot be kept: {error}.",
                hint="Is there room on the disk of the data directory, and may the server write there?",
            ) from None

    @contextmanager
    def _opened(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise not_found(self._link.target, f"no log `{self._path}`", "Does the gateway write that file?") from None
        except OSError as error:
            raise refused(self._link.target, f"its log cannot be read ({_told(error)})", _MODE) from None


def _gone(pid_file: Path) -> str | None:
    """Why the log's writer does not run; None where it does."""
    try:
        number = read_plain(pid_file, LONGEST_PID).strip().decode("ascii", "replace")
    except OSError as error:
        return f"its `pid_file` cannot be read: {_told(error)}"
    if not number.isdecimal():
        # What else stands there is never said: it may be any file of this machine.
        return "its `pid_file` holds no process id"
    if not Path("/proc", number).exists():
        return f"the process that writes its log has ended (it was {number})"
    return None


def _told(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


_MODE = "May the user that the server runs as read the file?"
