"""Workers: carry claimed runs to their one commit, and start the next ones as slots come free."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from catalog.errors import ConnectionInvalid, FabricError, Unavailable
from catalog.events import Event
from connections.plan import Plan
from engine.change_events import change_event
from engine.firing import Ending, Firing
from engine.index import Index
from engine.measures import Measures
from engine.ports import Clock, Store
from engine.progress import hide_secrets_of, interrupted
from engine.runner import Runner
from engine.runs import Failure, Run, RunState, StepRecord, StepState
from engine.schedule import Schedule, Waiting
from engine.secrets import Secrets

_log = structlog.get_logger()

_COMMIT_TRIES = 30


class Workers:
    """Runs in tasks, one a run; the Schedule says how many."""

    def __init__(
        self,
        store: Store,
        index: Index,
        schedule: Schedule,
        runner: Runner,
        secrets: Secrets,
        clock: Clock,
        measures: Measures,
    ) -> None:
        self._store = store
        self._index = index
        self._schedule = schedule
        self._runner = runner
        self._secrets = secrets
        self._clock = clock
        self._measures = measures
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._firings: dict[str, Firing] = {}
        self._watchers: dict[str, asyncio.Future[Run]] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self.on_event: Callable[[Event], None] = lambda _event: None

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Keep a task until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start(self, run: Run, plan: Plan) -> None:
        """Carry out a run that is claimed and holds a slot."""
        self._running[run.id] = asyncio.get_running_loop().create_task(self._carry(run, plan))

    async def carry(self, run: Run, plan: Plan) -> None:
        """As `start`, in the task of a caller who has nothing else to do."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a run is carried by a task")
        self._running[run.id] = task
        await self._carry(run, plan)

    def running(self) -> list[str]:
        """Ids of the runs under way here."""
        return list(self._running)

    async def wait(self, run_id: str, seconds: float) -> Run | None:
        """The run when it has ended, None if it has not within `seconds`. Ask before the run is dispatched."""
        future = self._watchers.setdefault(run_id, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(future)
        except TimeoutError:
            return None
        finally:
            self._watchers.pop(run_id, None)

    def stop_run(self, run_id: str) -> None:
        """Interrupt a run whose row was cancelled."""
        task = self._running.get(run_id)
        if task is not None:
            task.cancel()

    def progress(self, run_id: str) -> list[StepRecord]:
        """How far a run under way here has come, for its record if it ends now; no record holds a secret."""
        firing = self._firings.get(run_id)
        return [] if firing is None else interrupted(firing)

    def announce(self, run: Run) -> None:
        """Tell whoever waits that a run is over."""
        watcher = self._watchers.get(run.id)
        if watcher is not None and not watcher.done():
            watcher.set_result(run)

    def wake(self) -> None:
        """Start what may start now, and set the alarm for what may later."""
        self._claim_all(self._schedule.take())
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        at = self._schedule.next_wake()
        if at is not None:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(max(at - self._clock.now(), 0.0) + 0.001, self.wake)

    def _free(self, organisation_id: str, connection_id: str) -> None:
        self._schedule.release(organisation_id, connection_id)
        self._claim_all(self._schedule.take_from(organisation_id))

    def _claim_all(self, started: list[Waiting]) -> None:
        for waiting in started:
            self.spawn(self._claim(waiting))

    async def close(self, seconds: float) -> None:
        """Let runs end for so long, then interrupt them: they start over next time."""
        if self._alarm is not None:
            self._alarm.cancel()
        pending = {*self._running.values(), *self._tasks}
        if pending:
            _, late = await asyncio.wait(pending, timeout=seconds)
            interrupted = [run_id for run_id, task in self._running.items() if task in late]
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
            if interrupted:
                await self._store.give_back(interrupted)

    async def _claim(self, waiting: Waiting) -> None:
        try:
            run = await self._store.claim(waiting.run_id)
            if run is not None:
                run.waits_for = None
            plan = self._plan_for(run) if run is not None else None
            if run is not None and plan is not None:
                self.start(run, plan)
                return
            if run is not None:
                await self._commit(Ending(run))
        except FabricError as error:
            _log.warning("claim_failed", run=waiting.run_id, code=error.code)
            self._schedule.put(waiting, self._clock.now() + 1.0)
            self.wake()
        self._free(waiting.organisation_id, waiting.connection_id)

    def _plan_for(self, run: Run) -> Plan | None:
        entry = self._index.find(run.connection_id)
        run.ended_at = self._clock.now()
        if entry is None:
            run.state, run.reason = RunState.SKIPPED, "its Connection was disabled or deleted while it waited"
            return None
        try:
            plan = entry.plan()
        except ConnectionInvalid as error:
            run.state = RunState.FAILED
            run.error = Failure(
                error.code, "The Connection no longer fits the catalog.", "Run `fabric validate` on it."
            )
            return None
        run.ended_at = None
        return plan

    async def _carry(self, run: Run, plan: Plan) -> None:
        try:
            try:
                ending = await self._walked(run, plan)
            finally:
                # The slot is free before the commit: what waits for a disk does not keep the next run from starting.
                self._free(run.organisation_id, run.connection_id)
            await self._commit(ending)
        finally:
            del self._running[run.id]
            self._firings.pop(run.id, None)

    async def _walked(self, run: Run, plan: Plan) -> Ending:
        try:
            secrets = await self._secrets.open(run.organisation_id, plan.uses_secrets) if plan.uses_secrets else {}
            firing = Firing(run, plan, asyncio.get_running_loop().time() + plan.timeout, secrets)
            self._firings[run.id] = firing
            await self._runner.run(firing)
            if secrets:
                hide_secrets_of(firing.run, firing.records, secrets.values())
            return firing
        except FabricError as error:
            run.error = _failure(error)
        except Exception:  # noqa: BLE001 - a run that crashes still ends
            _log.exception("run_crashed", run=run.id, connection=run.connection_name)
            run.error = Failure("RUN_CRASHED", "The run fails unexpectedly.", "See the server's log; report the bug.")
        run.state, run.ended_at = RunState.FAILED, self._clock.now()
        return Ending(run)

    async def _commit(self, firing: Ending) -> None:
        run = firing.run
        for attempt in range(_COMMIT_TRIES):
            events = [change_event(change, "staged", self._clock) for change in firing.changes]
            try:
                kept = await self._store.finish(run, firing.changes, events)
            except Unavailable as error:
                _log.warning("commit_put_off", run=run.id, code=error.code, attempt=attempt)
                await asyncio.sleep(min(0.1 * 2**attempt, 5.0))
                continue
            except FabricError as error:
                if not firing.changes:
                    raise
                _unstage(firing, error)
                continue
            if kept:
                self._tell(firing, events)
            return
        _log.error("commit_given_up", run=run.id)

    def _tell(self, firing: Ending, events: list[Event]) -> None:
        run = firing.run
        self._measures.runs[run.state.value] += 1
        self._measures.run_seconds.add((run.ended_at or run.queued_at) - run.queued_at)
        for record in firing.records:
            self._measures.steps[record.operation_id, record.state.value] += 1
        self._measures.changes["staged"] += len(firing.changes)
        for event in events:
            self.on_event(event)
        self.announce(run)


def _failure(error: FabricError) -> Failure:
    return Failure(error.code, error.message, error.hint)


def _unstage(firing: Ending, error: FabricError) -> None:
    """The store refuses what the run staged (too many pending, a target that is gone): it fails and stages nothing."""
    firing.changes.clear()
    run = firing.run
    run.state, run.error = RunState.FAILED, _failure(error)
    for record in firing.records:
        record.change_ids = ()
        if record.state is StepState.STAGED:
            record.state, record.error, record.output = StepState.FAILED, run.error, None
