"""Subscription: one reader's stream. It waits without a task, and holds no more than the bus allows it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from runtime.daemon.events.event import DaemonEvent, Wanted, lagged


class Subscription:
    """An async iterator: what is kept first, then what happens. To be closed by its reader.

    A reader that is too slow loses what still waits for him, is told so by one `stream.lagged` event that carries the
    number of the last event he got, and the stream ends. From that number a new subscription goes on without a gap, as
    long as the bus still has what follows. A wait that is cancelled loses nothing.
    """

    def __init__(
        self,
        wanted: Wanted,
        backlog: Iterable[DaemonEvent],
        *,
        most: int,
        seq: int,
        now_ns: Callable[[], int],
        left: "Callable[[Subscription], None]",
    ) -> None:
        """`most` events may wait, apart from `backlog`; `seq` is the number after which the stream begins."""
        self._wanted = wanted
        self._backlog = deque(backlog)
        self._most = most
        self._seq = seq
        self._now_ns = now_ns
        self._left = left
        self._live: deque[DaemonEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def offer(self, event: DaemonEvent) -> None:
        """Called by the bus for everything that happens; never blocks."""
        if self._closed or not self._wanted.takes(event):
            return
        self._live.append(event)
        if len(self._live) > self._most:
            self._lag(len(self._live) + len(self._backlog))
        self._wake()

    def _lag(self, lost: int) -> None:
        self._backlog.clear()
        self._live.clear()
        self._live.append(lagged(self._seq, self._now_ns(), "The reader was too slow.", lost))
        self._end()

    def close(self) -> None:
        """End the stream; what waits is dropped. A second call does nothing."""
        self._backlog.clear()
        self._live.clear()
        self._end()

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._left(self)
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> DaemonEvent:
        while True:
            queue = self._backlog or self._live
            if queue:
                event = queue.popleft()
                self._seq = event.seq
                return event
            if self._closed:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
