"""LogFollow: one reader's view of a log: what is there first, then what comes."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from runtime.daemon.logs.entry import Block, LogEntry, Picked

WAITING_MOST = 1024 * 1024
"""Bytes that may wait for one reader. What waits longer is dropped, and the reader is told how many lines it was."""


class LogFollow:
    """An async iterator without a gap; it ends when the service is forgotten. To be closed by its reader.

    A wait that is cancelled loses nothing. A reader that is too slow gets one entry with `lost`, then goes on with
    what comes.
    """

    def __init__(
        self, picked: Picked, backlog: Iterable[tuple[Block, int]], left: "Callable[[LogFollow], None]"
    ) -> None:
        """`backlog` are blocks, each with the count of lines to leave out."""
        self._picked = picked
        self._backlog = deque(backlog)
        self._left = left
        self._live: deque[Block] = deque()
        self._cost = 0
        self._lost = 0
        self._lost_at = 0
        self._entries: Iterator[LogEntry] = iter(())
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def offer(self, block: Block) -> None:
        """Called by the log for everything that comes; never blocks."""
        if not self._picked.takes(block):
            return
        self._live.append(block)
        self._cost += block.cost
        if self._cost > WAITING_MOST:
            self._lost += sum(each.count for each in self._live)
            self._lost_at = block.time_ns
            self._live.clear()
            self._cost = 0
        self._wake()

    def end(self) -> None:
        """Nothing more will come; what waits can still be read."""
        self._closed = True
        self._wake()

    def close(self) -> None:
        """The reader is done. A second call does nothing."""
        if not self._closed:
            self._left(self)
        self._backlog.clear()
        self._live.clear()
        self._entries, self._lost = iter(()), 0
        self.end()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def __aiter__(self) -> "LogFollow":
        return self

    async def __anext__(self) -> LogEntry:
        while True:
            entry = next(self._entries, None)
            if entry is not None:
                return entry
            if self._backlog:
                block, skip = self._backlog.popleft()
                self._entries = block.entries(skip)
            elif self._lost:
                lost, self._lost = self._lost, 0
                return LogEntry(self._lost_at, "stderr", f"[{lost} lines lost: the reader was too slow]", "", lost)
            elif self._live:
                block = self._live.popleft()
                self._cost -= block.cost
                self._entries = block.entries()
            elif self._closed:
                raise StopAsyncIteration
            else:
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
