"""Firings: the runs that one event sets off, from their preparation to their start."""

import msgspec

from catalog.errors import ConnectionInvalid
from catalog.events import Event
from catalog.jsonvalue import Json
from connections.plan import Plan
from engine.entries import Entry
from engine.measures import Measures
from engine.ports import Clock
from engine.runs import Failure, Run, RunState
from engine.schedule import Schedule, Waiting
from engine.workers import Workers

MAX_DEPTH = 8
"""A chain of firings deeper than this stops (CAUSATION_LIMIT)."""


class Firings:
    """`runs` as they are to be inserted: claimed where a slot was free, else queued and saying what they wait for.

    `rests[i]` is for how many seconds the Connection of `runs[i]` then rests. Slots that were taken are given back by
    `release` (nothing was inserted) or handed to the workers by `start`.
    """

    def __init__(
        self, event: Event, misses: int, clock: Clock, schedule: Schedule, workers: Workers, measures: Measures
    ) -> None:
        self.event = event
        self.misses = misses
        self.runs: list[Run] = []
        self.rests: list[float] = []
        self._plans: dict[str, Plan] = {}
        self._clock = clock
        self._schedule = schedule
        self._workers = workers
        self._measures = measures

    def add(self, entry: Entry, origin: str, replay_of: str | None = None) -> Run:
        """Prepare a run of this Connection; one that cannot run at all is prepared as failed, with the reason."""
        run = Run(
            id=self._clock.new_id(),
            organisation_id=entry.organisation_id,
            connection_id=entry.id,
            connection_name=entry.name,
            event=self.event,
            origin=origin,
            author_id=entry.author_id,
            revision=entry.revision,
            queued_at=self._clock.now(),
            replay_of=replay_of,
        )
        plan = self._plan(entry, run)
        if plan is not None:
            self._plans[run.id] = plan
            if origin == "test":
                run.conditions = condition_report(plan, self.event)
            self._admit(run, plan)
        self.rests.append(float(plan.cooldown_seconds) if plan is not None and origin == "live" else 0.0)
        self.runs.append(run)
        return run

    def cooldown_of(self, run: Run) -> int:
        """Seconds that the run's Connection rests after a firing."""
        plan = self._plans.get(run.id)
        return plan.cooldown_seconds if plan is not None else 0

    def release(self) -> None:
        """Nothing came of it: give back the slots, and the places in the rates."""
        for run in self.runs:
            if run.state is RunState.RUNNING:
                self._schedule.release(run.organisation_id, run.connection_id)
            plan = self._plans.get(run.id)
            if plan is not None and plan.max_rate is not None and run.origin == "live":
                self._schedule.unpace(run.connection_id, plan.max_rate)

    def start(self, inserted: list[Run], *, inline: bool = False) -> tuple[Run, Plan] | None:
        """Start or queue the runs that are new; a repeat's slot is given back.

        With `inline` the last that may start is not started but returned: the caller's own task is free to carry it.
        """
        own: tuple[Run, Plan] | None = None
        new = {run.id: run for run in inserted}
        for run in self.runs:
            kept = new.get(run.id)
            if run.state is RunState.RUNNING and (kept is None or kept.state is not RunState.RUNNING):
                self._schedule.release(run.organisation_id, run.connection_id)
            if kept is None:
                continue
            if kept.state is RunState.RUNNING:
                if own is not None:
                    self._workers.start(*own)
                own = (kept, self._plans[kept.id])
            elif kept.state is RunState.QUEUED:
                self._schedule.put(Waiting(kept.id, kept.organisation_id, kept.connection_id), kept.not_before)
                self._workers.wake()
            else:
                self._measures.runs[kept.state.value] += 1
                self._workers.announce(kept)
        if own is not None and not inline:
            self._workers.start(*own)
            return None
        return own

    def _plan(self, entry: Entry, run: Run) -> Plan | None:
        if run.event.depth > MAX_DEPTH:
            run.error = Failure(
                "CAUSATION_LIMIT",
                f"The event is {run.event.depth} firings deep; {MAX_DEPTH} are allowed.",
                "Break the circle: one of these Connections fires another that fires it.",
            )
        try:
            plan = entry.plan()
        except ConnectionInvalid as error:
            hint = "Run `fabric validate` on it."
            run.error = Failure(error.code, "The Connection no longer fits the catalog.", hint)
        if run.error is None:
            return plan
        run.state, run.reason, run.ended_at = RunState.FAILED, run.error.code, run.queued_at
        return None

    def _admit(self, run: Run, plan: Plan) -> None:
        run.not_before = self._schedule.pace(run.connection_id, plan.max_rate) if run.origin == "live" else 0.0
        if run.not_before:
            run.waits_for = "rate"
        elif self._schedule.admit(run.organisation_id, run.connection_id):
            run.state, run.epoch, run.attempt = RunState.RUNNING, 1, 1
            run.started_at = run.queued_at
        else:
            run.waits_for = "capacity"


def condition_report(plan: Plan, event: Event) -> Json:
    """Whether each condition of the Connection holds for this event, for a test run's record."""
    return msgspec.to_builtins(plan.condition.explain({"trigger": event.payload})) if plan.condition is not None else []
