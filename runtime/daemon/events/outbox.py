"""Outbox: brings every event to one receiver at least once, through restarts and while the receiver is away."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice, takewhile

import msgspec
import structlog

from catalog.errors import FabricError, Unavailable
from runtime.daemon.events.bus import EventBus
from runtime.daemon.events.event import DaemonEvent
from runtime.state import Document, Key, StateStore

Send = Callable[[Sequence[DaemonEvent]], Awaitable[None]]
"""Takes events in order; it returns once they are its own, and raises FabricError where it could not take them."""

MOST = 10_000
BATCH = 100
PAUSE_FIRST, PAUSE_MOST = 0.5, 60.0
_KIND = "outbox"

_log = structlog.get_logger()
_decoder = msgspec.json.Decoder(DaemonEvent)


class Outbox:
    """Holds at most MOST events; of more, the oldest are dropped and counted. After `run` has ended, `save` once.

    An event is in line for the daemon's state as it is published, so that nothing that the state is told afterwards is
    kept without it; it is there with the next commit, some milliseconds later, and until the receiver has taken it. It
    is sent once it is there. The receiver may see it twice, with the same `seq` and `id`.
    """

    def __init__(self, state: StateStore, bus: EventBus) -> None:
        self._state = state
        self._bus = bus
        self._waiting: deque[DaemonEvent] = deque()
        self._saved = 0
        """The newest event's number of those that the state holds, or would not take."""
        self._to_send = asyncio.Event()
        self.dropped = 0

    def open(self) -> None:
        """Take up what was not delivered, and listen. Raises Unavailable STATE_*."""
        kept = sorted((_decoder.decode(each) for each in self._state.load(_KIND)), key=lambda each: each.seq)
        self._waiting.extend(kept)
        if kept:
            self._saved = kept[-1].seq
            self._to_send.set()
        self._bus.listen(self._take)

    def _take(self, event: DaemonEvent) -> None:
        self._waiting.append(event)
        gone = []
        while len(self._waiting) > MOST:
            gone.append(_key(self._waiting.popleft()))
            self.dropped += 1
        self._queue([(*_key(event), msgspec.json.encode(event))], gone, event.seq)

    def _queue(self, documents: list[Document], gone: list[Key], seq: int) -> None:
        try:
            landed = self._state.queue(documents, gone=gone)
        except Unavailable as error:
            self._landed(seq, error)
        else:
            landed.add_done_callback(lambda done: self._landed(seq, done.exception()))

    def _landed(self, seq: int, error: BaseException | None) -> None:
        if error is not None:
            # It is delivered all the same; only a crash before that would lose it.
            _log.error("outbox_not_saved", code=getattr(error, "code", type(error).__name__), seq=seq)
        self._saved = max(self._saved, seq)
        self._to_send.set()

    async def run(self, send: Send) -> None:
        """Deliver, for ever. To be run as a task; cancelled, it leaves what is undelivered in the state."""
        await self._deliver_all(send)

    async def save(self) -> None:
        """Wait until the state has heard of everything so far."""
        try:
            await self._state.put_many([])
        except Unavailable as error:
            _log.error("outbox_not_saved", code=error.code)

    async def _deliver_all(self, send: Send) -> None:
        pause = PAUSE_FIRST
        while True:
            await self._to_send.wait()
            batch = list(takewhile(lambda each: each.seq <= self._saved, islice(self._waiting, BATCH)))
            if not batch:
                self._to_send.clear()
                continue
            try:
                await send(batch)
            except FabricError as error:
                _log.warning("outbox_receiver_away", code=error.code, waiting=len(self._waiting), pause=pause)
                await asyncio.sleep(pause)
                pause = min(PAUSE_MOST, pause * 2)
                continue
            pause = PAUSE_FIRST
            self._delivered(batch)

    def _delivered(self, batch: list[DaemonEvent]) -> None:
        last = batch[-1].seq
        while self._waiting and self._waiting[0].seq <= last:
            self._waiting.popleft()
        self._queue([], [_key(each) for each in batch], last)


def _key(event: DaemonEvent) -> tuple[str, str]:
    return _KIND, f"{event.seq:020d}"
