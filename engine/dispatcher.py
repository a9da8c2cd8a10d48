"""The dispatcher: event → Connections → run rows in one commit → runs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from catalog.errors import ConnectionInvalid, FabricError
from catalog.events import Event
from connections.plan import Plan
from engine.entries import Entry
from engine.firings import Firings
from engine.index import Index
from engine.measures import Measures
from engine.ports import Clock, Store
from engine.records import Accepted
from engine.redis_guards import RedisGuards
from engine.runs import Run
from engine.schedule import Schedule
from engine.workers import Workers

_log = structlog.get_logger()

MAX_IN_FLIGHT = 1000
"""Events matched at one time; what comes beyond stays in the store until there is room."""


def holds(plan: Plan, event: Event) -> bool:
    """Do the Connection's conditions hold for this event?"""
    return plan.condition is None or plan.condition.holds({"trigger": event.payload})


class Dispatcher:
    """Turns accepted events into runs. `offer` never waits and never loses: what it leaves, the sweep picks up."""

    def __init__(
        self,
        store: Store,
        index: Index,
        schedule: Schedule,
        workers: Workers,
        clock: Clock,
        measures: Measures,
        guards: RedisGuards | None = None,
    ) -> None:
        self._store = store
        self._index = index
        self._schedule = schedule
        self._workers = workers
        self._clock = clock
        self._measures = measures
        self._guards = guards
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._reserved: set[str] = set()
        self._behind = False
        self._closed = False

    def offer(self, event: Event) -> None:
        """Dispatch a durable event soon."""
        if self._closed or event.id in self._in_flight or event.id in self._reserved:
            return
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self._behind = True
            return
        task = asyncio.get_running_loop().create_task(self._guarded(event))
        self._in_flight[event.id] = task

    @contextmanager
    def reserved(self, event_id: str) -> Iterator[None]:
        """Keep the sweep off an event that the caller dispatches himself."""
        self._reserved.add(event_id)
        try:
            yield
        finally:
            self._reserved.discard(event_id)

    async def sweep(self) -> None:
        """Pick up events that were accepted and never dispatched."""
        room = MAX_IN_FLIGHT - len(self._in_flight)
        if room <= 0:
            return
        events = await self._store.undispatched(MAX_IN_FLIGHT)
        self._behind = len(events) >= MAX_IN_FLIGHT
        for event in events:
            self.offer(event)

    async def _catch_up(self) -> None:
        try:
            await self.sweep()
        except FabricError as error:
            _log.warning("sweep_put_off", sweep="dispatch", code=error.code, reason=error.message)

    async def close(self) -> None:
        """Take nothing new and let what is being matched reach its commit."""
        self._closed = True
        if self._in_flight:
            await asyncio.wait(list(self._in_flight.values()))

    async def _guarded(self, event: Event) -> None:
        try:
            await self.dispatch(event)
        except FabricError as error:
            self._measures.dispatch_errors += 1
            _log.warning("dispatch_put_off", event=event.id, code=error.code, reason=error.message)
        except Exception:  # noqa: BLE001 - one event that crashes must not stop the others
            self._measures.dispatch_errors += 1
            _log.exception("dispatch_failed", event=event.id)
        finally:
            self._landed(event.id)

    def _landed(self, place: str) -> None:
        del self._in_flight[place]
        if self._behind and len(self._in_flight) < MAX_IN_FLIGHT // 2 and not self._closed:
            self._behind = False
            self._workers.spawn(self._catch_up())

    async def dispatch(self, event: Event) -> list[Run]:
        """Match, insert the run rows, start what may start. Returns the runs that are new."""
        entries, misses = self.match(event)
        firings = self._prepared(event, entries, misses)
        await self._ask_guards(firings)
        inserted = await self._insert(firings)
        self._measures.matched(event.type, misses)
        return inserted

    async def take_in(
        self, event: Event, entries: list[Entry], misses: int, *, key: str | None, body_digest: str | None
    ) -> Accepted:
        """Keep an event that fires these Connections, and its run rows, in one commit; then start what may start.

        The work is a task's own: a caller who goes away is not told, and nothing else changes. Raises as
        EventStore.accept does.
        """
        firings = self._prepared(event, entries, misses)
        kept: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        # Whoever hands it over twice at once has it refused as a repeat by the store.
        place = event.id if event.id not in self._in_flight else self._clock.new_id()
        work = self._taken_in(firings, place, key, body_digest, kept)
        self._in_flight[place] = asyncio.get_running_loop().create_task(work)
        return await kept

    async def replay(self, entry: Entry, event: Event, origin: str, replay_of: str) -> Run | None:
        """Insert and start one more run of an event that was dispatched before; None where `origin` is taken."""
        firings = self._prepared(event, [], 0)
        run = firings.add(entry, origin, replay_of)
        return run if await self._insert(firings) else None

    async def _taken_in(
        self,
        firings: Firings,
        place: str,
        key: str | None,
        body_digest: str | None,
        kept: "asyncio.Future[Accepted]",
    ) -> None:
        event, misses = firings.event, firings.misses
        try:
            await self._ask_guards(firings)
            accepted = await self._store.accept(
                event, misses=misses, runs=firings.runs, cooldowns=firings.rests, key=key, body_digest=body_digest
            )
        except asyncio.CancelledError:
            firings.release()
            kept.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it goes to the caller, if he still waits
            firings.release()
            if not kept.done():
                kept.set_exception(error)
            return
        finally:
            self._landed(place)
        if not kept.done():
            kept.set_result(accepted)
        if accepted.repeated:
            firings.release()
        else:
            self._measures.matched(event.type, misses)
            own = firings.start(list(accepted.runs), inline=True)
            if own is not None:
                await self._workers.carry(*own)

    def _prepared(self, event: Event, entries: list[Entry], misses: int) -> Firings:
        firings = Firings(event, misses, self._clock, self._schedule, self._workers, self._measures)
        for entry in entries:
            firings.add(entry, event.origin)
        return firings

    async def _insert(self, firings: Firings) -> list[Run]:
        try:
            inserted = await self._store.dispatch(
                firings.event, firings.runs, misses=firings.misses, cooldowns=firings.rests
            )
        except BaseException:
            firings.release()
            raise
        firings.start(inserted)
        return inserted

    async def _ask_guards(self, firings: Firings) -> None:
        if self._guards is None or firings.event.origin != "live":
            return
        fired, event_id = self._guards.fired, firings.event.id
        await asyncio.gather(*(fired(run.connection_id, event_id, firings.cooldown_of(run)) for run in firings.runs))

    def match(self, event: Event) -> tuple[list[Entry], int]:
        """The Connections this event fires, and how many it would have but for their conditions."""
        if event.only is not None:
            entry = self._index.find(event.only)
            return ([entry] if entry is not None else []), 0
        matched: list[Entry] = []
        misses = 0
        for entry in self._index.candidates(event.organisation_id, event.type, event.payload):
            try:
                held = holds(entry.plan(), event)
            except ConnectionInvalid:
                held = True
            if held:
                matched.append(entry)
            else:
                misses += 1
        return matched, misses
