"""Apply: the one way from a pending change to its target. A person, the digest he saw, one shot."""

import asyncio

import msgspec
import structlog

from catalog.appliers import Appliers
from catalog.errors import Conflict, FabricError, Forbidden, NotFound, TargetTimeout
from catalog.jsonvalue import Json, canonical
from catalog.operations import WriteEntry
from catalog.provider import Call, Ports
from catalog.registry import Registry
from engine.audit import audit_row, system_actor
from engine.change_events import change_event
from engine.changes import ChangeState, PendingChange
from engine.directory import Directory
from engine.measures import Measures
from engine.permissions import APPLY
from engine.ports import Clock, Store
from engine.runs import Failure
from engine.targets import TargetFinder
from engine.tenancy import Actor, ActorKind, Controller
from engine.workers import Workers

_log = structlog.get_logger()

LEASE_SECONDS = 30.0
"""For how long a change is this process's beyond what its target may take."""


class Applier:
    """Applies and rejects changes. Nothing else in the system holds `Appliers`."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        appliers: Appliers,
        directory: Directory,
        targets: TargetFinder,
        ports: Ports,
        workers: Workers,
        clock: Clock,
        measures: Measures,
        *,
        read_only: bool,
    ) -> None:
        self._store = store
        self._registry = registry
        self._appliers = appliers
        self._directory = directory
        self._targets = targets
        self._ports = ports
        self._workers = workers
        self._clock = clock
        self._measures = measures
        self._read_only = read_only

    async def apply(self, actor: Actor, change_id: str, *, force: bool, digest: str) -> PendingChange:
        """Carry out a change that this person has seen.

        The outcome is owned by a task of its own: a caller who goes away does not interrupt it. Raises Forbidden
        PERSON_REQUIRED, PERMISSION_DENIED, READ_ONLY, FORCE_REQUIRED; NotFound CHANGE_NOT_FOUND; Conflict CHANGE_STALE,
        CHANGE_STATE, CHANGE_DRIFTED.
        """
        change = await self._store.get_change(actor.organisation_id, change_id)
        controller = await self._check(actor, change, force, digest)
        entry = self._appliers.entry(change.operation_id)
        change.decided_by, change.decided_at = actor.id, self._clock.now()
        change.lease_until = change.decided_at + entry.seconds + LEASE_SECONDS
        claimed = await self._move(actor, change, ChangeState.APPLYING)
        task = asyncio.get_running_loop().create_task(self._carry_out(actor, claimed, controller, entry))
        self._workers.spawn(_watch(task))
        return await asyncio.shield(task)

    async def reject(self, actor: Actor, change_id: str, note: str | None) -> PendingChange:
        """Decline a change for good. Raises Forbidden PERSON_REQUIRED, PERMISSION_DENIED; Conflict CHANGE_STATE."""
        change = await self._store.get_change(actor.organisation_id, change_id)
        self._check_person(actor, change)
        change.decided_by, change.decided_at, change.note = actor.id, self._clock.now(), note
        return await self._move(actor, change, ChangeState.REJECTED)

    async def sweep(self) -> None:
        """Expire what nobody decided; call `unknown` what was being applied when its process died."""
        for change in await self._store.due(self._clock.now()):
            actor = system_actor(change.organisation_id)
            lost = change.state is ChangeState.APPLYING
            if lost:
                change.error = Failure("APPLY_LOST", "The process died while the change was being sent.", _LOOK)
            try:
                await self._move(actor, change, ChangeState.UNKNOWN if lost else ChangeState.EXPIRED)
            except Conflict:
                continue

    def _check_person(self, actor: Actor, change: PendingChange) -> None:
        if actor.kind is not ActorKind.PERSON:
            raise Forbidden(
                "PERSON_REQUIRED", "Only a person decides on a change.", hint="Use a person's bearer token, not a key."
            )
        operation = self._registry.current().find_operation(change.operation_id)
        needed = operation.permission if operation is not None else None
        for permission in (APPLY, needed):
            if permission is None or not actor.holds(permission, change.site_id):
                raise Forbidden(
                    "PERMISSION_DENIED",
                    f"This takes `{APPLY}` and the permission of `{change.operation_id}` at the target's site.",
                    hint="Ask an administrator for the role.",
                )

    async def _check(self, actor: Actor, change: PendingChange, force: bool, digest: str) -> Controller:
        self._check_person(actor, change)
        controller = await self._directory.find_controller(change.organisation_id, change.controller_id)
        if controller is None:
            # With the controller its pending changes expired.
            self._check_pending(change)
            raise NotFound("CONTROLLER_NOT_FOUND", "The change's target no longer exists.", hint="Reject the change.")
        if self._read_only:
            raise Forbidden(
                "READ_ONLY", "This server applies nothing.", hint="Start it with ADAPTER_READ_ONLY=false to let it."
            )
        if controller.read_only:
            raise Forbidden(
                "READ_ONLY", f"Controller `{controller.name}` is read only.", hint="Turn its `read_only` off first."
            )
        if not force:
            raise Forbidden("FORCE_REQUIRED", "Applying takes `force: true`.", hint="Send it once you have looked.")
        if digest != change.digest:
            raise Conflict(
                "CHANGE_STALE", "The digest is not the one of this change.", hint="Look at the change again."
            )
        self._check_pending(change)
        return controller

    def _check_pending(self, change: PendingChange) -> None:
        if change.state is not ChangeState.PENDING or change.expires_at <= self._clock.now():
            raise Conflict(
                "CHANGE_STATE",
                f"The change is {change.state if change.state is not ChangeState.PENDING else ChangeState.EXPIRED}.",
                hint="Only a pending change can be applied, and only once.",
            )

    async def _carry_out(
        self, actor: Actor, change: PendingChange, controller: Controller, entry: WriteEntry
    ) -> PendingChange:
        call = Call(
            organisation_id=change.organisation_id,
            operation_id=change.operation_id,
            ports=self._ports,
            deadline=asyncio.get_running_loop().time() + entry.seconds,
            delivery_id=change.id,
            actor_id=actor.id,
            artifact=change.artifact,
            change_id=change.id,
        )
        state = await self._attempt(change, controller, entry, call)
        done = await self._move(actor, change, state)
        if state is ChangeState.DRIFTED:
            raise Conflict(
                "CHANGE_DRIFTED",
                "The target has moved since the change was planned; nothing was sent.",
                hint="Look at the difference; run the Connection again for a new change.",
                details={"change_id": change.id, "drift": change.drift},
            )
        return done

    async def _attempt(
        self, change: PendingChange, controller: Controller, entry: WriteEntry, call: Call
    ) -> ChangeState:
        """What has not answered within `entry.seconds` is `unknown`."""
        provider, sending = entry.provider, False
        try:
            call.target = self._targets.opened(controller)
            async with asyncio.timeout(entry.seconds):
                present = await provider.observe(change.change, call)
                if canonical(present) != canonical(change.change.precondition):
                    change.drift = {"planned_against": change.change.precondition, "present": present}
                    return ChangeState.DRIFTED
                sending = True
                change.outcome = outcome_of(await provider.apply(change.change, call))
            return ChangeState.APPLIED
        except (TimeoutError, TargetTimeout):
            change.error = Failure("APPLY_TIMEOUT", "The target did not answer in time.", _LOOK if sending else None)
            return ChangeState.UNKNOWN if sending else ChangeState.FAILED
        except FabricError as error:
            change.error = Failure(error.code, error.message, error.hint)
            return ChangeState.FAILED
        except Exception:  # noqa: BLE001 - a provider that crashes must not leave a change `applying`
            _log.exception("apply_crashed", change=change.id, operation=change.operation_id)
            change.error = Failure("APPLY_CRASHED", f"`{change.operation_id}` fails unexpectedly.", _LOOK)
            return ChangeState.UNKNOWN if sending else ChangeState.FAILED

    async def _move(self, actor: Actor, change: PendingChange, state: ChangeState) -> PendingChange:
        details: Json = {"operation": change.operation_id, "digest": change.digest, "token": change.token}
        if change.error is not None:
            details["error"] = change.error.code
        row = audit_row(actor, f"change.{state}", change.id, self._clock, details)
        event = change_event(change, state.value, self._clock)
        moved = await self._store.move(change, state, token=change.token, audit=row, event=event)
        self._measures.changes[state.value] += 1
        self._workers.on_event(event)
        return moved


_LOOK = "Look at the target before anything else is done; it may have been changed."


def outcome_of(given: object) -> Json:
    """What a provider's `apply` returned, as JSON."""
    return msgspec.to_builtins(given)


async def _watch(task: "asyncio.Task[PendingChange]") -> None:
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, Conflict):
        _log.warning("apply_unfinished", reason=str(error))
