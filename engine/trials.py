"""Trials: what a person sets off by hand: test, replay, cancel, invoke. The same path and gates as an event's."""

import asyncio
from collections.abc import Coroutine

from catalog.ai_tools import may_be_tool
from catalog.artifacts import ArtifactRef
from catalog.errors import Conflict, Forbidden, Invalid, NotFound, TargetTimeout, Unsupported
from catalog.events import Event, Pattern
from catalog.jsonvalue import Json
from catalog.operations import Operation, Read, Tier, Write
from catalog.provider import Call, Ports
from catalog.registry import Registry
from engine.audit import audit_row
from engine.change_events import change_event
from engine.changes import Asker, PendingChange
from engine.credentials import require, require_admin
from engine.dispatcher import Dispatcher
from engine.entries import Entry
from engine.index import Index
from engine.measures import Measures
from engine.negotiator import Given, Negotiator
from engine.ports import Clock, Store
from engine.runs import Run
from engine.staging import Staging
from engine.targets import TargetFinder
from engine.tenancy import Actor
from engine.workers import Workers

WAIT_SECONDS = 25.0
"""How long a caller waits; then he gets an id to ask for."""

INVOKE_SECONDS = 300.0
LATE_SECONDS = 600.0

Came = Given | PendingChange
"""What an invocation comes to: a read's answer, or the change that a write staged."""


class Trials:
    """Runs set off by a person."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        index: Index,
        dispatcher: Dispatcher,
        workers: Workers,
        negotiator: Negotiator,
        staging: Staging,
        targets: TargetFinder,
        ports: Ports,
        clock: Clock,
        measures: Measures,
    ) -> None:
        self._store = store
        self._registry = registry
        self._index = index
        self._dispatcher = dispatcher
        self._workers = workers
        self._negotiator = negotiator
        self._staging = staging
        self._targets = targets
        self._ports = ports
        self._clock = clock
        self._measures = measures
        self._late: dict[str, tuple[str, asyncio.Task[Came]]] = {}

    async def test(self, actor: Actor, name_or_id: str, payload: Json = None, event_type: str | None = None) -> Run:
        """Run a Connection once with this payload (None: the last event that matches it). Writes stage.

        Returns the run, still under way if it takes over WAIT_SECONDS. Raises NotFound; Invalid EVENT_UNKNOWN where
        the Connection does not begin with events of `event_type`; Conflict CONNECTION_DISABLED.
        """
        require_admin(actor)
        entry = await self._entry(actor, name_or_id)
        event = await self._event_for(entry, payload, event_type)
        with self._dispatcher.reserved(event.id):
            await self._store.accept(event)
            runs = await self._dispatcher.dispatch(event)
        if not runs:
            raise Conflict("CONNECTION_DISABLED", "The Connection was disabled just now.", hint="Enable it again.")
        return await self._ended(runs[0])

    async def replay(self, actor: Actor, run_id: str) -> Run:
        """Run the event of a run again by the present Connection. Raises NotFound; Conflict CONNECTION_DISABLED."""
        require_admin(actor)
        old = await self._store.get_run(actor.organisation_id, run_id)
        entry = await self._entry(actor, old.connection_id)
        run: Run | None = None
        while run is None:  # somebody else may take the number between the look and the insert
            number = await self._store.next_replay(entry.id, old.event.id)
            run = await self._dispatcher.replay(entry, old.event, f"replay:{number}", old.id)
        ended = await self._ended(run)
        await self._store.write_audit(audit_row(actor, "run.replayed", old.id, self._clock, {"run": run.id}))
        return ended

    async def cancel(self, actor: Actor, run_id: str) -> Run:
        """End a run now, whoever carries it out. Raises NotFound RUN_NOT_FOUND; Conflict RUN_OVER."""
        require_admin(actor)
        steps = self._workers.progress(run_id)
        run = await self._store.cancel(actor.organisation_id, run_id, f"cancelled by {actor.name}", steps)
        self._measures.runs[run.state.value] += 1
        self._workers.stop_run(run.id)
        self._workers.announce(run)
        await self._store.write_audit(audit_row(actor, "run.cancelled", run.id, self._clock))
        return run

    async def invoke(self, actor: Actor, operation_id: str, params: Json) -> Came | str:
        """Call one read now, a plugin's too, or stage one native write.

        What takes over WAIT_SECONDS goes on and its id comes back, for `late`. Raises NotFound
        OP_UNKNOWN; Unsupported INVOKE_NON_NATIVE, DRIVER_MISSING; Forbidden; Invalid PARAM_*.
        """
        operation = self._registry.seen_by(actor.organisation_id).get_operation(operation_id)
        if operation.tier is not Tier.NATIVE and operation.write:
            raise Unsupported(
                "INVOKE_NON_NATIVE",
                f"`{operation.id}` is a plugin's write; only native operations write.",
                hint="Use a native operation.",
            )
        return await self._invoke(actor, operation, params)

    async def ask(self, actor: Actor, operation_id: str, params: Json) -> Came | str:
        """As `invoke`, for an assistant: what the catalog offers assistants, reads of plugins among it, and no more.

        Raises Forbidden AI_FORBIDDEN, and what `invoke` raises.
        """
        operation = self._registry.seen_by(actor.organisation_id).get_operation(operation_id)
        if not may_be_tool(operation):
            raise Forbidden(
                "AI_FORBIDDEN", f"No assistant may call `{operation.id}`.", hint="A person may, or a Connection of his."
            )
        return await self._invoke(actor, operation, params)

    async def _invoke(self, actor: Actor, operation: Operation, params: Json) -> Came | str:
        if operation.permission is not None:
            require(actor, operation.permission)
        elif not may_invoke(actor, operation):
            require_admin(actor)
        code = self._registry.get_code(operation.id)
        place = self._clock.new_id()
        call = Call(
            organisation_id=actor.organisation_id,
            operation_id=operation.id,
            ports=self._ports,
            deadline=asyncio.get_running_loop().time() + INVOKE_SECONDS,
            delivery_id=f"{place}.0",
            trigger={},
            actor_id=actor.id,
        )
        if isinstance(code, Read):
            if isinstance(params, dict) and "controller_id" in params:
                call.target = await self._targets.find(actor, operation, params)
            return await self._answered(place, self._negotiator.call(code, params, call), actor)
        return await self._answered(place, self._staged(actor, operation, code, params, call, place), actor)

    async def _staged(
        self, actor: Actor, operation: Operation, code: Write, params: Json, call: Call, place: str
    ) -> PendingChange:
        change = await self._staging.stage(actor, operation, code, params, call, place)
        change.asked_by = Asker(kind=actor.kind, name=actor.name, credential_id=actor.credential_id)
        row = audit_row(actor, "change.staged", change.id, self._clock, {"operation": operation.id})
        event = change_event(change, "staged", self._clock)
        kept = await self._store.stage(change, row, event)
        self._measures.changes["staged"] += 1
        self._dispatcher.offer(event)
        return kept

    async def _ended(self, run: Run) -> Run:
        ended = run if run.state.over else await self._workers.wait(run.id, WAIT_SECONDS)
        return ended or await self._store.get_run(run.organisation_id, run.id)

    def late(self, actor: Actor, invocation_id: str) -> Came | None:
        """What a slow invocation came to, None while it goes on. Raises NotFound INVOCATION_NOT_FOUND, or its error."""
        owner, task = self._late.get(invocation_id, ("", None))
        if task is None or owner != actor.id:
            raise NotFound("INVOCATION_NOT_FOUND", "There is no such invocation, or it is over ten minutes old.")
        return task.result() if task.done() else None

    async def late_within(self, actor: Actor, invocation_id: str, seconds: float) -> Came | None:
        """As `late`, waiting for so long."""
        _, task = self._late.get(invocation_id, ("", None))
        if task is not None:
            await asyncio.wait([task], timeout=seconds)
        return self.late(actor, invocation_id)

    async def _answered(self, invocation_id: str, work: Coroutine[None, None, Came], actor: Actor) -> Came | str:
        task = asyncio.get_running_loop().create_task(_bounded(work))
        done, _ = await asyncio.wait([task], timeout=WAIT_SECONDS)
        if done:
            return task.result()
        self._late[invocation_id] = (actor.id, task)
        asyncio.get_running_loop().call_later(LATE_SECONDS, self._late.pop, invocation_id, None)
        return invocation_id

    async def _entry(self, actor: Actor, name_or_id: str) -> Entry:
        stored = await self._store.get_connection(actor.organisation_id, name_or_id)
        entry = self._index.find(stored.id)
        if entry is None:
            raise Conflict(
                "CONNECTION_DISABLED",
                f"Connection `{stored.name}` is disabled.",
                hint="`fabric connections enable` it.",
            )
        return entry

    async def _event_for(self, entry: Entry, payload: Json, event_type: str | None) -> Event:
        patterns = entry.routing.patterns
        now, event_id = self._clock.now(), self._clock.new_id()
        if event_type is not None and not any(pattern.matches(event_type) for pattern in patterns):
            raise Invalid(
                "EVENT_UNKNOWN",
                f"Connection `{entry.name}` does not begin with `{event_type[:80]}`.",
                hint="Leave `event_type` out, or name one that its `source_event` matches.",
            )
        kind = event_type or _example_type(patterns, list(self._registry.current().events))
        artifact: ArtifactRef | None = None
        if payload is None:
            last = await self._store.last_event(
                entry.organisation_id, lambda each: any(pattern.matches(each) for pattern in patterns)
            )
            if last is None:
                raise NotFound(
                    "EVENT_NOT_FOUND",
                    "No event has matched this Connection yet.",
                    hint="Send a `payload` to test with.",
                )
            kind, payload, artifact = last.type, last.payload, last.artifact
        return Event(
            id=event_id,
            organisation_id=entry.organisation_id,
            type=kind,
            payload=payload,
            time=now,
            artifact=artifact,
            only=entry.id,
            origin="test",
        )


def may_invoke(actor: Actor, operation: Operation) -> bool:
    """Does he hold its permission somewhere? A permissionless sink takes an unscoped org-admin."""
    if operation.permission is None:
        return actor.active and actor.unscoped_admin
    return actor.holds(operation.permission)


async def _bounded(work: Coroutine[None, None, Came]) -> Came:
    try:
        async with asyncio.timeout(INVOKE_SECONDS):
            return await work
    except TimeoutError:
        raise TargetTimeout(
            "STEP_TIMEOUT", f"The operation does not finish within {INVOKE_SECONDS:g} s.", hint="Look at what it calls."
        ) from None


def _example_type(patterns: tuple[Pattern, ...], known: list[str]) -> str:
    """An event type that these patterns match: an exact one, else a known one, else the pattern's own lead."""
    for pattern in patterns:
        if pattern.exact:
            return pattern.text
    for pattern in patterns:
        for name in known:
            if pattern.matches(name):
                return name
    return ".".join((*patterns[0].segments, "test"))
