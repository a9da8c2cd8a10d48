"""Outbox: brings every event to one receiver at least once, through restarts and while the receiver is away."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice

import msgspec
import structlog

from catalog.errors import FabricError, Unavailable
from runtime.daemon.events.bus import EventBus
from runtime.daemon.events.event import DaemonEvent
from runtime.state import StateStore

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

    An event is in the daemon's state a moment after it was published and until the receiver has taken it. The receiver
    may see it twice, with the same `seq` and `id`.
    """

    def __init__(self, state: StateStore, bus: EventBus) -> None:
        self._state = state
        self._bus = bus
        self._waiting: deque[DaemonEvent] = deque()
        self._unsaved: list[DaemonEvent] = []
        self._gone: list[tuple[str, str]] = []
        self._to_save = asyncio.Event()
        self._to_send = asyncio.Event()
        self.dropped = 0

    def open(self) -> None:
        """Take up what was not delivered, and listen. Raises Unavailable STATE_*."""
        kept = sorted((_decoder.decode(each) for each in self._state.load(_KIND)), key=lambda each: each.seq)
        self._waiting.extend(kept)
        if kept:
            self._to_send.set()
        self._bus.listen(self._take)

    def _take(self, event: DaemonEvent) -> None:
        self._waiting.append(event)
        self._unsaved.append(event)
        while len(self._waiting) > MOST:
            self._gone.append(_key(self._waiting.popleft()))
            self.dropped += 1
        self._to_save.set()
        self._to_send.set()

    async def run(self, send: Send) -> None:
        """Save and deliver, for ever. To be run as a task; cancelled, it leaves what is undelivered in the state."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._save_all())
            group.create_task(self._deliver_all(send))

    async def _save_all(self) -> None:
        while True:
            await self._to_save.wait()
            self._to_save.clear()
            await self.save()

    async def save(self) -> None:
        """Bring to the state what is not there yet."""
        unsaved, self._unsaved = self._unsaved, []
        gone, self._gone = self._gone, []
        removed = set(gone)
        documents = [(*_key(each), msgspec.json.encode(each)) for each in unsaved if _key(each) not in removed]
        if not documents and not gone:
            return
        try:
            await self._state.put_many(documents, gone=gone)
        except Unavailable as error:
            _log.error("outbox_not_saved", code=error.code, events=len(documents))

    async def _deliver_all(self, send: Send) -> None:
        pause = PAUSE_FIRST
        while True:
            await self._to_send.wait()
            batch = list(islice(self._waiting, BATCH))
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
            self._gone.append(_key(self._waiting.popleft()))
        self._to_save.set()


def _key(event: DaemonEvent) -> tuple[str, str]:
    return _KIND, f"{event.seq:020d}"
