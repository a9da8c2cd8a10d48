"""EventBus: numbers what happens, keeps the last of it, and hands it to whoever listens."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from catalog.errors import Unavailable
from catalog.jsonvalue import Json
from runtime.clock import Clock
from runtime.daemon.events.event import EVENT_TYPES, DaemonEvent, Wanted, check_types, event_id, lagged
from runtime.daemon.events.journal import Journal
from runtime.daemon.events.numbers import Numbers
from runtime.daemon.events.subscription import Subscription
from runtime.state import StateStore

Listener = Callable[[DaemonEvent], None]

_log = structlog.get_logger()

CLEAR_MOST = 60.0
"""Seconds at most between two looks at what is over its time."""

_TYPES = frozenset(EVENT_TYPES)


class EventBus:
    """Publishing is a plain call that never waits; everything else follows from it on the same loop.

    `buffer` events are kept in memory, and may wait for one reader, none for longer than `retention` seconds. With
    `persist` (a directory) they are also written down and found again after a restart. Without `open` the bus works in
    memory alone and counts from 1.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        buffer: int = 1000,
        retention: float = 3600.0,
        persist: Path | None = None,
        state: StateStore | None = None,
    ) -> None:
        self._clock = clock
        self._buffer = buffer
        self._retention_ns = round(retention * 1e9)
        self._numbers = Numbers(state)
        self._ring: deque[DaemonEvent] = deque()
        self._forgotten = 0
        """The newest number that is no longer in the ring, or was given before this start."""
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Listener] = []
        self._journal = None if persist is None else Journal(persist)

    async def open(self) -> None:
        """Go on where the last start ended. Raises Unavailable STATE_*, EVENTS_UNAVAILABLE."""
        kept: list[DaemonEvent] = []
        if self._journal is not None:
            kept = await self._journal.open(self._clock.now_ns() - self._retention_ns, self._buffer)
        await self._numbers.open(kept[-1].seq if kept else 0)
        self._ring.extend(kept)
        self._forgotten = self._ring[0].seq - 1 if self._ring else self._numbers.last

    async def close(self) -> None:
        """End every stream and write down what is not yet written."""
        for each in tuple(self._subscriptions):
            each.close()
        if self._journal is not None:
            await self._journal.close()
        await self._numbers.close()

    @property
    def lost(self) -> int:
        """Events that should have been written down and could not be."""
        return 0 if self._journal is None else self._journal.lost

    def listen(self, listener: Listener) -> None:
        """Call `listener` for every event from now on, before any stream has it. It must not wait, nor raise."""
        self._listeners.append(listener)

    def publish(self, type: str, *, service_id: str | None = None, **data: Json) -> DaemonEvent:
        """Something has happened. `type` is one of EVENT_TYPES; `data` is JSON and holds no secret."""
        if type not in _TYPES:
            raise ValueError(f"there is no event type {type}")
        seq = self._numbers.next()
        event = DaemonEvent(
            seq=seq, id=event_id(seq), type=type, service_id=service_id, data=data, time_ns=self._clock.now_ns()
        )
        self._ring.append(event)
        self._prune()
        if self._journal is not None:
            self._journal.write(event)
        for listener in self._listeners:
            listener(event)
        for each in tuple(self._subscriptions):
            each.offer(event)
        return event

    def subscribe(
        self,
        types: Iterable[str] | None = None,
        service: str | None = None,
        after_seq: int | None = None,
        since_ns: int | None = None,
    ) -> Subscription:
        """A stream of what happens from now on, preceded by what is kept after `after_seq` or `since_ns`.

        If something after `after_seq` may be lost, the first event is `stream.lagged`, then comes what there is.
        Raises Invalid INVALID_REQUEST for a type that there is not.
        """
        checked = None if types is None else check_types(types)
        self._prune()
        gap = after_seq is not None and not self._forgotten <= after_seq <= self._numbers.last
        begin = self._forgotten if gap else after_seq
        wanted = Wanted(types=checked, service=service, after_seq=begin, since_ns=since_ns)
        backlog: list[DaemonEvent] = []
        if gap:
            backlog.append(lagged(self._forgotten, self._clock.now_ns(), "What came before is no longer kept."))
        if begin is not None or since_ns is not None:
            backlog.extend(each for each in self._ring if wanted.takes(each))
        subscription = Subscription(
            wanted,
            backlog,
            most=self._buffer,
            seq=self._numbers.last if begin is None else begin,
            now_ns=self._clock.now_ns,
            left=self._subscriptions.remove,
        )
        self._subscriptions.append(subscription)
        return subscription

    def history(
        self,
        types: Iterable[str] | None = None,
        service: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 100,
    ) -> tuple[list[DaemonEvent], int]:
        """What memory holds, newest first, at most `limit`; and how many there are without that limit.

        Raises Invalid INVALID_REQUEST.
        """
        wanted = _wanted(types, service, since_ns, until_ns)
        self._prune()
        found = [each for each in reversed(self._ring) if wanted.takes(each)]
        return found[:limit], len(found)

    async def whole_history(
        self,
        types: Iterable[str] | None = None,
        service: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 100,
    ) -> tuple[list[DaemonEvent], int]:
        """As `history`, of all that is written down; where nothing is, of what memory holds."""
        if self._journal is None:
            return self.history(types, service, since_ns, until_ns, limit)
        oldest = self._clock.now_ns() - self._retention_ns - 1
        since = oldest if since_ns is None else max(oldest, since_ns)
        return await self._journal.read(_wanted(types, service, since, until_ns), limit)

    async def reconfigure(self, *, buffer: int, retention: float, persist: Path | None) -> None:
        """Take other bounds from now on, and begin or end writing down."""
        self._buffer, self._retention_ns = buffer, round(retention * 1e9)
        self._prune()
        journal = self._journal
        if persist == (None if journal is None else journal.folder):
            return
        self._journal = None
        if journal is not None:
            await journal.close()
        if persist is not None:
            journal = Journal(persist)
            await journal.open(self._clock.now_ns() - self._retention_ns, 0)
            self._journal = journal

    async def run(self) -> None:
        """Forget what is over its time, for ever: once a minute at most. To be run as a task."""
        while True:
            await asyncio.sleep(min(CLEAR_MOST, max(1.0, self._retention_ns / 1e9 / 10)))
            self._prune()
            if self._journal is not None:
                try:
                    await self._journal.forget(self._clock.now_ns() - self._retention_ns)
                except Unavailable as error:
                    _log.warning("events_not_cleared", code=error.code, why=error.message)

    def _prune(self) -> None:
        ring, oldest = self._ring, self._clock.now_ns() - self._retention_ns
        while ring and (len(ring) > self._buffer or ring[0].time_ns < oldest):
            self._forgotten = ring.popleft().seq


def _wanted(types: Iterable[str] | None, service: str | None, since_ns: int | None, until_ns: int | None) -> Wanted:
    checked = None if types is None else check_types(types)
    return Wanted(types=checked, service=service, since_ns=since_ns, until_ns=until_ns)
