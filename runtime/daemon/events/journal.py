"""Journal: events written down, one JSON line each, in files that are only appended to and later removed whole."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from catalog.errors import Unavailable
from runtime.daemon.events.event import DaemonEvent, Wanted

FILE_BYTES = 1024 * 1024
FILES_MOST = 256
"""Older files go first, even before their time."""

T = TypeVar("T")

_log = structlog.get_logger()
_decoder = msgspec.json.Decoder(DaemonEvent)
_encoder = msgspec.json.Encoder()


class _File:
    """One file: where it is, and when its newest event happened."""

    __slots__ = ("newest_ns", "path")

    def __init__(self, path: Path, newest_ns: int) -> None:
        self.path = path
        self.newest_ns = newest_ns


class Journal:
    """Writing never waits: lines gather while a thread brings those before them to the disk.

    A line that an unclean stop has torn is skipped; after any start and any failed write a new file is begun.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lost = 0
        """Events that could not be written down."""
        self._thread = ThreadPoolExecutor(1, "events")
        self._files: list[_File] = []
        self._descriptor = -1
        self._pending: list[DaemonEvent] = []
        self._under_way: asyncio.Future[None] | None = None

    async def open(self, oldest_ns: int, most: int) -> list[DaemonEvent]:
        """Look at what is there; the last `most` events that happened at `oldest_ns` or later, oldest first.

        Raises Unavailable EVENTS_UNAVAILABLE.
        """
        return await self._in_thread(lambda: self._open(oldest_ns, most))

    def write(self, event: DaemonEvent) -> None:
        """Write down, soon. To be called on the loop."""
        self._pending.append(event)
        if self._under_way is None:
            self._start()

    async def read(self, wanted: Wanted, limit: int) -> tuple[list[DaemonEvent], int]:
        """What is written, newest first, at most `limit`; and how many there are. Raises Unavailable."""
        await self._settle()
        return await self._in_thread(lambda: self._read(wanted, limit))

    async def forget(self, oldest_ns: int) -> None:
        """Remove files of which every event is older. Raises Unavailable EVENTS_UNAVAILABLE."""
        await self._in_thread(lambda: self._forget(oldest_ns))

    async def close(self) -> None:
        """Write what is left, and end the thread."""
        await self._settle()
        await self._in_thread(self._end_file)
        self._thread.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except OSError as error:
            raise Unavailable(
                "EVENTS_UNAVAILABLE",
                f"The events in `{self.folder}` cannot be used: {error.strerror}.",
                hint="Look at the disk and at who owns the folder.",
            ) from None

    async def _settle(self) -> None:
        while self._under_way is not None:
            await asyncio.wait([self._under_way])

    def _start(self) -> None:
        events, self._pending = self._pending, []
        self._under_way = asyncio.get_running_loop().run_in_executor(self._thread, self._append, events)
        self._under_way.add_done_callback(self._landed)

    def _landed(self, landed: "asyncio.Future[None]") -> None:
        self._under_way = None
        landed.result()
        if self._pending:
            self._start()

    # In the thread.

    def _open(self, oldest_ns: int, most: int) -> list[DaemonEvent]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept: deque[DaemonEvent] = deque(maxlen=most)
        for path in sorted(self.folder.glob("events-*.jsonl")):
            newest = 0
            for event in _events(path):
                newest = event.time_ns
                if event.time_ns >= oldest_ns:
                    kept.append(event)
            self._files.append(_File(path, newest))
        self._forget(oldest_ns)
        return list(kept)

    def _append(self, events: list[DaemonEvent]) -> None:
        try:
            if self._descriptor < 0:
                self._begin_file(events[0].seq)
            content = b"".join(_encoder.encode(each) + b"\n" for each in events)
            if os.write(self._descriptor, content) != len(content):
                raise OSError("the disk is full")
            os.fdatasync(self._descriptor)
            self._files[-1].newest_ns = max(each.time_ns for each in events)
            if os.fstat(self._descriptor).st_size > FILE_BYTES:
                self._end_file()
        except OSError as error:
            self.lost += len(events)
            _log.error("events_not_written", folder=str(self.folder), reason=str(error), lost=self.lost)
            self._end_file()

    def _begin_file(self, seq: int) -> None:
        path = self.folder / f"events-{seq:020d}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        if not self._files or self._files[-1].path != path:
            self._files.append(_File(path, 0))

    def _end_file(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _read(self, wanted: Wanted, limit: int) -> tuple[list[DaemonEvent], int]:
        found: list[DaemonEvent] = []
        total = 0
        for file in reversed(self._files):
            inside = [each for each in _events(file.path) if wanted.takes(each)]
            total += len(inside)
            found.extend(inside[::-1][: limit - len(found)])
        return found, total

    def _forget(self, oldest_ns: int) -> None:
        while self._files and (self._files[0].newest_ns < oldest_ns or len(self._files) > FILES_MOST):
            if len(self._files) == 1:
                self._end_file()
            self._files.pop(0).path.unlink(missing_ok=True)


def _events(path: Path) -> Iterator[DaemonEvent]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return  # somebody has cleared it away
    for line in content.split(b"\n"):
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError:
            continue  # empty, torn by an unclean stop, or written by somebody else
