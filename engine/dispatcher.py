"""The dispatcher: event → Connections → run rows in one commit → runs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog

from catalog.errors import ConnectionInvalid, FabricError
from catalog.events import Event
from catalog.jsonvalue import Json
from connections.plan import Plan
from engine.entries import Entry
from engine.index import Index
from engine.measures import Measures
from engine.ports import Clock, Store
from engine.redis_guards import RedisGuards
from engine.runs import Failure, Run, RunState
from engine.schedule import Schedule, Waiting
from engine.workers import Workers

_log = structlog.get_logger()

MAX_DEPTH = 8
"""A chain of firings deeper than this stops (CAUSATION_LIMIT)."""

MAX_IN_FLIGHT = 1000
"""Events matched at one time; what comes beyond stays in the store until there is room."""

SOON_SECONDS = 0.02


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
        self._soon: asyncio.TimerHandle | None = None
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

    def sweep_soon(self) -> None:
        """Have the next sweep at once: an event may have become durable whose bringer could not wait for it."""
        if self._soon is None and not self._closed:
            self._soon = asyncio.get_running_loop().call_later(SOON_SECONDS, self._sweep_now)

    def _sweep_now(self) -> None:
        self._soon = None
        self._workers.spawn(self._catch_up())

    async def _catch_up(self) -> None:
        try:
            await self.sweep()
        except FabricError as error:
            _log.warning("sweep_put_off", sweep="dispatch", code=error.code, reason=error.message)

    async def close(self) -> None:
        """Take nothing new and let what is being matched reach its commit."""
        self._closed = True
        if self._soon is not None:
            self._soon.cancel()
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
            del self._in_flight[event.id]
            if self._behind and len(self._in_flight) < MAX_IN_FLIGHT // 2 and not self._closed:
                self._behind = False
                self._workers.spawn(self._catch_up())

    async def dispatch(self, event: Event) -> list[Run]:
        """Match, insert the run rows, start what may start. Returns the runs that are new."""
        entries, misses = self.match(event)
        runs: list[Run] = []
        plans: dict[str, Plan] = {}
        rests: list[float] = []
        for entry in entries:
            run = self.new_run(entry, event, event.origin)
            plan = self._plan_of(entry, run)
            if plan is not None:
                plans[run.id] = plan
                run.conditions = condition_report(plan, event) if event.only is not None else None
                await self._ask_guards(entry, event, plan)
                self._admit(run, plan)
            rests.append(float(plan.cooldown_seconds) if plan is not None and event.origin == "live" else 0.0)
            runs.append(run)
        inserted = await self._insert(event, runs, misses, rests)
        self.count(event, misses)
        self._start(runs, inserted, plans)
        return inserted

    def count(self, event: Event, misses: int) -> None:
        """Note that an event has been matched, and how many Connections it would have fired but for conditions."""
        self._measures.events[event.type] += 1
        self._measures.misses += misses

    async def _insert(self, event: Event, runs: list[Run], misses: int, rests: list[float]) -> list[Run]:
        reserved = [run for run in runs if run.state is RunState.RUNNING]
        try:
            return await self._store.dispatch(event, runs, misses=misses, cooldowns=rests)
        except BaseException:
            for run in reserved:
                self._schedule.release(run.organisation_id, run.connection_id)
            raise

    async def replay(self, entry: Entry, event: Event, run: Run) -> Run:
        """Insert and start one more run of an event that was dispatched before."""
        plan = entry.plan()
        self._admit(run, plan)
        inserted = await self._insert(event, [run], 0, [0.0])
        self._start([run], inserted, {run.id: plan})
        return run

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

    def new_run(self, entry: Entry, event: Event, origin: str) -> Run:
        """A queued run of this Connection by this event."""
        return Run(
            id=self._clock.new_id(),
            organisation_id=entry.organisation_id,
            connection_id=entry.id,
            connection_name=entry.name,
            event=event,
            origin=origin,
            author_id=entry.author_id,
            revision=entry.revision,
            queued_at=self._clock.now(),
        )

    def _plan_of(self, entry: Entry, run: Run) -> Plan | None:
        failure: Failure | None = None
        if run.event.depth > MAX_DEPTH:
            failure = Failure(
                "CAUSATION_LIMIT",
                f"The event is {run.event.depth} firings deep; {MAX_DEPTH} are allowed.",
                "Break the circle: one of these Connections fires another that fires it.",
            )
        try:
            plan = entry.plan()
        except ConnectionInvalid as error:
            failure = Failure(error.code, "The Connection no longer fits the catalog.", "Run `fabric validate` on it.")
        if failure is None:
            return plan
        run.state, run.error, run.reason = RunState.FAILED, failure, failure.code
        run.ended_at = run.queued_at
        return None

    async def _ask_guards(self, entry: Entry, event: Event, plan: Plan) -> None:
        if self._guards is not None and event.origin == "live":
            await self._guards.fired(entry.id, event.id, plan.cooldown_seconds)

    def _admit(self, run: Run, plan: Plan) -> None:
        run.not_before = self._schedule.pace(run.connection_id, plan.max_rate) if run.origin == "live" else 0.0
        if run.not_before:
            run.waits_for = "rate"
        elif self._schedule.admit(run.organisation_id, run.connection_id):
            run.state, run.epoch, run.attempt = RunState.RUNNING, 1, 1
            run.started_at = run.queued_at
        else:
            run.waits_for = "capacity"

    def _start(self, runs: list[Run], inserted: list[Run], plans: dict[str, Plan]) -> None:
        new = {run.id: run for run in inserted}
        for run in runs:
            kept = new.get(run.id)
            if run.state is RunState.RUNNING and (kept is None or kept.state is not RunState.RUNNING):
                self._schedule.release(run.organisation_id, run.connection_id)
            if kept is None:
                continue
            if kept.state is RunState.RUNNING:
                self._workers.start(kept, plans[kept.id])
            elif kept.state is RunState.QUEUED:
                self._schedule.put(Waiting(kept.id, kept.organisation_id, kept.connection_id), kept.not_before)
                self._workers.wake()
            else:
                self._measures.runs[kept.state.value] += 1
                self._workers.announce(kept)


def condition_report(plan: Plan, event: Event) -> Json:
    """Whether each condition of the Connection holds for this event, for a test run's record."""
    return msgspec.to_builtins(plan.condition.explain({"trigger": event.payload})) if plan.condition is not None else []
