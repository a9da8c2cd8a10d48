"""The Negotiator: one step. A read is called now; a write is staged and says so."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.changes import Change
from catalog.errors import FabricError, Forbidden, Invalid, TargetFailed, TargetTimeout, TooLarge
from catalog.jsonvalue import Json
from catalog.operations import Operation, Read, Write
from catalog.provider import Call, Ports, Target
from catalog.registry import Registry
from catalog.schemas import converter
from connections.plan import PlannedRetry, PlannedStep
from engine.deadline import Deadline
from engine.firing import Firing
from engine.gate import Gate, check_site
from engine.runs import Failure, Run, StepRecord, StepState
from engine.staging import Staging, offered_artifact, staged_output
from engine.targets import TargetFinder
from engine.tenancy import Actor

OUTPUT_LIMIT = 256 * 1024
"""Bytes of JSON that one step may give (the seed's bound for plugins, held by all)."""

_CHANCE = random.Random()  # noqa: S311 - jitter; of our own, so that nobody else's seed is moved
_encode_into = msgspec.json.Encoder().encode_into
_to_builtins = msgspec.to_builtins


class Given(msgspec.Struct):
    """What one attempt came to."""

    output: Json = None
    artifact: ArtifactRef | None = None
    change_ids: tuple[str, ...] = ()


class Negotiator:
    """Carries out steps. Holds the gate, reads' handlers and staging; nothing here can change a target."""

    def __init__(
        self,
        registry: Registry,
        ports: Ports,
        gate: Gate,
        targets: TargetFinder,
        staging: Staging,
        *,
        jitter: Callable[[], float] = _CHANCE.random,
    ) -> None:
        self._registry = registry
        self._ports = ports
        self._gate = gate
        self._targets = targets
        self._staging = staging
        self._jitter = jitter
        self._converters: dict[type, Callable[[Json], object]] = {}
        self._buffer = bytearray(1024)

    def negotiate(
        self, firing: Firing, step: PlannedStep, record: StepRecord, context: Json, deadline: Deadline, item: str = ""
    ) -> Awaitable[Given]:
        """One step, or one item of it, with its retries. Raises FabricError; the caller writes it into the record."""
        run = firing.run
        actor = self._gate.quick(run.organisation_id, run.author_id, step.operation)
        if actor is None or step.retry is not None:
            return self._patiently(firing, step, record, context, deadline, item)
        code, params = self._prepared(step, record, context, item)
        record.attempts = 1
        return self._attempt(firing, step, actor, code, params, deadline, item)

    async def _patiently(
        self, firing: Firing, step: PlannedStep, record: StepRecord, context: Json, deadline: Deadline, item: str
    ) -> Given:
        """The author is looked up, and what fails is tried again."""
        run, attempt = firing.run, 0
        actor = await self._gate.check(run.organisation_id, run.author_id, step.operation)
        code, params = self._prepared(step, record, context, item)
        while True:
            attempt += 1
            record.attempts = max(record.attempts, attempt)
            try:
                return await self._attempt(firing, step, actor, code, params, deadline, item)
            except FabricError as error:
                if step.retry is None or not _again(step.retry, attempt, error):
                    raise
                await self._rest(step.retry, attempt, firing, deadline)
                actor = await self._gate.check(run.organisation_id, run.author_id, step.operation)

    def _prepared(self, step: PlannedStep, record: StepRecord, context: Json, item: str) -> tuple[Read | Write, Json]:
        """What carries the step out, and the parameters, which the record gets as well."""
        if step.on_missing == "empty":
            params, missing = step.template.render_empty(context)
            record.missing = (*record.missing, *missing)
        else:
            params = step.template.render(context)
        if item:
            record.params[int(item)] = params
        else:
            record.params = params
        return self._registry.get_code(step.operation.id), params

    async def _attempt(
        self,
        firing: Firing,
        step: PlannedStep,
        actor: Actor,
        code: Read | Write,
        params: Json,
        deadline: Deadline,
        item: str,
    ) -> Given:
        run, operation = firing.run, step.operation
        due = min(deadline.now() + step.timeout, firing.due)
        deadline.move(due)
        call = Call(
            organisation_id=run.organisation_id,
            operation_id=operation.id,
            ports=self._ports,
            deadline=due,
            delivery_id=f"{run.id}.{step.index}.{item}" if item else f"{run.id}.{step.index}",
            trigger=run.event.payload,
            actor_id=actor.id,
            run_id=run.id,
            step=step.id or str(step.index),
            connection=run.connection_name,
            depth=run.event.depth,
        )
        if operation.accepts:
            call.artifact = offered_artifact([_source(firing, each) for each in step.artifact_from], operation.accepts)
        try:
            if isinstance(code, Read):
                if "controller_id" in params:
                    call.target = await self._targets.find(actor, operation, params)
                    await self._still(run, operation, call.target)
                return self._given(code, await code.handler(self._typed(code, params), call), call)
            change = await self._staging.stage(
                actor, operation, self._gated(code, run, operation), params, call, call.delivery_id
            )
        except asyncio.CancelledError:
            if deadline.took():
                raise _timed_out(step, firing, due) from None
            raise
        change.run_id, change.step_index, change.depth = run.id, step.index, run.event.depth
        change.connection_id, change.connection_name = run.connection_id, run.connection_name
        firing.changes.append(change)
        return Given(staged_output(change), None, (change.id,))

    async def _still(self, run: Run, operation: Operation, target: Target | None) -> None:
        """Ask the gate once more after something was waited for: the author's right may have gone meanwhile."""
        actor = await self._gate.check(run.organisation_id, run.author_id, operation)
        if target is not None:
            check_site(actor, operation, target)

    def _gated(self, code: Write, run: Run, operation: Operation) -> Write:
        """The write with the gate right before its `plan`: staging looks things up and copies files until then."""

        async def plan(params: Json, call: Call) -> Change:
            await self._still(run, operation, call.target)
            return cast(Change, await code.plan(params, call))

        return Write(code.params, plan)

    async def call(self, code: Read, params: Json, call: Call) -> Given:
        """Call a read's handler with typed parameters and take its output as JSON, bounded.

        Raises FabricError PARAM_*, OUTPUT_TOO_LARGE, or what the handler raises.
        """
        return self._given(code, await code.handler(self._typed(code, params), call), call)

    def _typed(self, code: Read, params: Json) -> object:
        if type(params) is code.params:  # JSON as it is, for who asks for no more than an object
            return params
        convert = self._converters.get(code.params)
        if convert is None:
            convert = self._converters[code.params] = converter(code.params)
        return convert(params)

    def _given(self, code: Read, result: Json, call: Call) -> Given:
        output = result if code.plain else _to_builtins(result)
        _encode_into(output, self._buffer)
        if len(self._buffer) > OUTPUT_LIMIT:
            self._buffer = bytearray(1024)
            raise TooLarge(
                "OUTPUT_TOO_LARGE",
                f"`{call.operation_id}` gives more than {OUTPUT_LIMIT} bytes.",
                hint="Ask for less, or for an artifact.",
            )
        return Given(output, result.artifact if code.gives_artifact else None)

    async def _rest(self, retry: PlannedRetry, attempt: int, firing: Firing, deadline: Deadline) -> None:
        grown = retry.delay * (2 ** (attempt - 1) if retry.backoff == "exponential" else 1)
        rest = min(grown, retry.max_delay) * (0.5 + self._jitter() / 2)
        deadline.move(firing.due)
        try:
            await asyncio.sleep(rest)
        except asyncio.CancelledError:
            if deadline.took():
                raise _run_timeout() from None
            raise


def failure_of(error: FabricError) -> Failure:
    """A FabricError as a step record keeps it."""
    return Failure(error.code, error.message, error.hint)


def state_of(error: FabricError) -> StepState:
    """`denied` for a refused permission, else `failed`."""
    return StepState.DENIED if error.code == "PERMISSION_DENIED" else StepState.FAILED


def output_of(error: FabricError) -> Json:
    """What a failed call kept of its answer, so that a later step can look at it."""
    return error.output if isinstance(error, TargetFailed) else None


def _source(firing: Firing, source: int | str) -> ArtifactRef | None:
    return firing.run.event.artifact if isinstance(source, str) else firing.records[source].artifact


def _again(retry: PlannedRetry, attempt: int, error: FabricError) -> bool:
    if attempt >= retry.max_attempts or isinstance(error, Forbidden | Invalid):
        return False
    return error.code in retry.on if retry.on else error.status >= 500 and error.status != 501


def _timed_out(step: PlannedStep, firing: Firing, due: float) -> FabricError:
    if due >= firing.due:
        return _run_timeout()
    return TargetTimeout(
        "STEP_TIMEOUT",
        f"Step `{step.id or step.index}` does not finish within {step.timeout:g} s.",
        hint="Raise its `timeout` or look at what it calls.",
    )


def _run_timeout() -> FabricError:
    return TargetTimeout(
        "RUN_TIMEOUT", "The run does not finish within its `timeout`.", hint="Raise the Connection's `timeout`."
    )
