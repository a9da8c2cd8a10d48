"""The runner: walks a Plan. What is ready runs, side by side; a lone step is awaited where it stands."""

import asyncio
from collections.abc import Callable, Coroutine

import structlog

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from connections.plan import PlannedStep
from engine.deadline import Deadline, Deadlines
from engine.firing import Firing
from engine.foreach import each_item
from engine.negotiator import Given, Negotiator, failure_of, output_of, state_of
from engine.ports import Clock
from engine.redaction import hide_secrets
from engine.runs import Failure, RunState, StepRecord, StepState

_log = structlog.get_logger()
# Looked up here and not at each step: a member of an enumeration costs as much as three calls.
_PENDING, _RUNNING, _SUCCEEDED, _STAGED, _SKIPPED = (
    StepState.PENDING, StepState.RUNNING, StepState.SUCCEEDED, StepState.STAGED, StepState.SKIPPED
)  # fmt: skip
_RUN_SUCCEEDED, _RUN_FAILED = RunState.SUCCEEDED, RunState.FAILED
_GOOD = (_SUCCEEDED, _STAGED)
_UNMET = "what it needs did not succeed"


class Runner:
    """Carries out runs; one for the whole process."""

    def __init__(self, negotiator: Negotiator, clock: Clock) -> None:
        self._negotiator = negotiator
        self._now = clock.now
        self._deadlines = Deadlines()

    def run(self, firing: Firing) -> Coroutine[None, None, None]:
        """Walk the plan to its end and leave state, records and error in `firing.run`. Raises only CancelledError."""
        walk = _Walk(firing, self._negotiator, self._now, self._deadlines)
        return walk.chain() if firing.plan.is_chain else walk.graph()


class _Walk:
    """One run's way from the roots to the end."""

    __slots__ = ("_deadlines", "_firing", "_negotiator", "_now", "_waiting", "failure")

    def __init__(self, firing: Firing, negotiator: Negotiator, now: Callable[[], float], deadlines: Deadlines) -> None:
        self._firing = firing
        self._negotiator = negotiator
        self._now = now
        self._deadlines = deadlines
        self._waiting: list[int] = []
        self.failure: Failure | None = None

    async def chain(self) -> None:
        """Each step after the one above it, awaited where it stands."""
        deadline = self._deadlines.take()
        try:
            for step in self._firing.plan.steps:
                if not step.needs or self._may_start(step):
                    await self._step(step, deadline)
                    if self.failure is not None:
                        break
                else:
                    self._skip(self._firing.records[step.index], _UNMET)
        finally:
            self._deadlines.give_back(deadline)
        self._end()

    async def graph(self) -> None:
        """Each step as soon as those are over that it needs."""
        plan = self._firing.plan
        self._waiting = [len(step.needs) for step in plan.steps]
        async with asyncio.TaskGroup() as group:
            for root in plan.roots:
                group.create_task(self._follow(root, group))
        self._end()

    def _end(self) -> None:
        run, records = self._firing.run, self._firing.records
        if self.failure is not None:
            for record in records:
                if record.state is _PENDING:
                    record.state, record.reason = _SKIPPED, "the run failed before"
        run.ended_at = self._now()
        run.steps = tuple(records)
        run.error = self.failure
        run.state = _RUN_SUCCEEDED if self.failure is None else _RUN_FAILED

    async def _follow(self, index: int, group: asyncio.TaskGroup) -> None:
        """Carry out a step, then one of those it makes ready; the others go on in tasks of their own."""
        deadline = self._deadlines.take()
        steps = self._firing.plan.steps
        try:
            ready = [index]
            while ready and self.failure is None:
                first, *others = ready
                for other in others:
                    group.create_task(self._follow(other, group))
                await self._step(steps[first], deadline)
                ready = self._settle(first)
        finally:
            self._deadlines.give_back(deadline)

    async def _step(self, step: PlannedStep, deadline: Deadline) -> None:
        firing, record = self._firing, self._firing.records[step.index]
        if step.condition is not None and not step.condition.holds(firing.context):
            self._skip(record, "its `if` does not hold")
            return
        record.state = _RUNNING
        record.started_at = self._now()
        try:
            if step.foreach is None:
                given = await self._negotiator.negotiate(firing, step, record, firing.context, deadline)
            else:
                given = await each_item(self._negotiator, firing, step, record, deadline)
            self._succeed(step, record, given)
        except FabricError as error:
            record.missing = (*record.missing, *error.details.get("missing", ()))
            if error.code == "TEMPLATE_MISSING" and step.on_missing == "skip":
                self._skip(record, "a reference has no value")
            else:
                self._fail(step, record, error)
        except Exception:  # noqa: BLE001 - the step boundary
            _log.exception("step_crashed", run=firing.run.id, step=step.index, operation=step.operation.id)
            crash = FabricError(
                "STEP_CRASHED",
                f"`{step.operation.id}` fails unexpectedly.",
                hint="See the server's log; report the bug.",
            )
            self._fail(step, record, crash)
        record.ended_at = self._now()
        if step.template.secret_pointers:
            record.params = without_secrets(step, record.params)

    def _succeed(self, step: PlannedStep, record: StepRecord, given: Given) -> None:
        record.state = _STAGED if step.operation.write else _SUCCEEDED
        record.output = given.output
        record.artifact = given.artifact
        record.change_ids = given.change_ids
        self._firing.keep_output(step.index, given.output, given.artifact, True)

    def _fail(self, step: PlannedStep, record: StepRecord, error: FabricError) -> None:
        record.state = state_of(error)
        record.error = failure_of(error)
        record.output = output_of(error)
        self._firing.keep_output(step.index, record.output, None, False)
        if not step.continue_on_error and self.failure is None:
            self.failure = record.error

    def _skip(self, record: StepRecord, reason: str) -> None:
        record.state = _SKIPPED
        record.reason = reason
        self._firing.keep_output(record.index, None, None, False)

    def _settle(self, index: int) -> list[int]:
        """The steps that are ready now that this one is over; those that can never be are skipped on the way."""
        steps, records = self._firing.plan.steps, self._firing.records
        ready: list[int] = []
        over = [index]
        for each in over:
            for dependent in steps[each].dependents:
                self._waiting[dependent] -= 1
                if self._waiting[dependent]:
                    continue
                if self._may_start(steps[dependent]):
                    ready.append(dependent)
                else:
                    self._skip(records[dependent], _UNMET)
                    over.append(dependent)
        return ready

    def _may_start(self, step: PlannedStep) -> bool:
        records = self._firing.records
        if step.join == "any":
            return any(records[need].state in _GOOD for need in step.needs)
        for need in step.needs:
            state = records[need].state
            if state not in _GOOD and (state is _SKIPPED or not self._firing.plan.steps[need].continue_on_error):
                return False
        return True


def without_secrets(step: PlannedStep, params: Json) -> Json:
    """Rendered params (under `foreach`: a list of them) in which what templates took from secrets is hidden."""
    pointers = step.template.secret_pointers
    if step.foreach is None or not isinstance(params, list):
        return hide_secrets(params, pointers)
    return [hide_secrets(each, pointers) for each in params]
