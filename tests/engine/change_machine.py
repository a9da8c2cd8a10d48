"""A model of pending changes beside the engine: whatever is asked of both, both must say the same."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from catalog.changes import Change
from catalog.errors import Conflict, FabricError
from catalog.jsonvalue import Json
from catalog.operations import APPLY_SECONDS
from catalog.provider import Call
from engine.apply import LEASE_SECONDS
from engine.changes import ChangeState, PendingChange
from engine.retention import DAY
from engine.runs import Run
from engine.tenancy import Actor, CredentialKind
from tests.engine import house as houses
from tests.engine.change_model import (
    DIGESTS,
    FORCE,
    OUTCOMES,
    SENT,
    UNREAD,
    WHO,
    Known,
    actor_as,
    check_history,
    refusal_of,
)
from tests.engine.house import House, current
from tests.engine.timed import timed_house
from tests.fakes.moved_clock import MovedClock

LIFE = 12
"""Steps between a start and the next stop: a start costs as much as ten of the others."""
VALUES = st.integers(0, 3)
ANY_STATE = st.sampled_from([False, False, False, True])


class ChangeMachine(RuleBasedStateMachine):
    """Every face that moves a change, in any order, over restarts."""

    changes = Bundle("changes")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.clock = MovedClock()
        self.known: dict[str, Known] = {}
        self.applied: list[tuple[str, str]] = []
        self.target: Json = "before"
        self.unreadable: Exception | None = None
        self.server_read_only = self.controller_read_only = False
        self.steps_lived = 0
        houses.on_apply = self._note_application
        self.observing = patch.object(houses.Set, "observe", self._observe_for(self))
        self.observing.start()
        self.loop.run(self._open())
        self.loop.run(self._furnish())

    @staticmethod
    def _observe_for(machine: "ChangeMachine") -> Any:
        async def observe(_set: houses.Set, _change: Change, _call: Call) -> Json:
            if machine.unreadable is not None:
                raise machine.unreadable
            return current().state

        return observe

    def _note_application(self, change: Change, call: Call) -> None:
        assert call.target is not None
        self.applied.append((call.change_id, change.digest(call.operation_id, call.target.id, None)))

    # The engine's life.

    async def _open(self) -> None:
        self.stack = AsyncExitStack()
        flags = {"adapter_read_only": self.server_read_only, "shutdown_seconds": 0.0, "change_days": 1.0}
        opened = timed_house(Path(self.folder.name), self.clock, **flags)
        self.home: House = await self.stack.enter_async_context(opened)
        current().state = self.target

    async def _furnish(self) -> None:
        step = {
            "operation_id": "probe.set",
            "params": {"controller_id": self.home.controller.id, "value": "{{trigger.n}}"},
        }
        await self.home.connect({"name": "setter", "source_event": "probe.thing.happened", "steps": [step]})
        self.foreign = (await self.home.neighbour()).admin
        issue, kind = self.home.app.credentials.issue, CredentialKind.ASSISTANT
        _, self.assistant = await issue(self.home.admin, self.home.admin.id, kind, "a", daily_calls=1_000_000)

    async def _restart(self) -> None:
        self.steps_lived = 0
        await self.stack.aclose()
        await self._open()

    def _pending(self, known: Known) -> bool:
        return known.state is ChangeState.PENDING

    def _pick(self, change: str, any_state: bool) -> Known:
        """That change, or one that is still pending instead, where there is one."""
        still = [known for known in self.known.values() if self._pending(known)]
        return self.known[change] if any_state or not still else still[len(self.applied) % len(still)]

    # Staging.

    @rule(target=changes, value=VALUES, how=st.sampled_from(["invoke", "ask", "test", "live"]))
    def stage(self, value: int, how: str) -> str:
        """A write is staged by hand, by an assistant, by a test run, by an event."""
        return self.loop.run(self._stage(value, how))

    async def _stage(self, value: int, how: str) -> str:
        app, run = self.home.app, None
        if how == "invoke":
            params = {"controller_id": self.home.controller.id, "value": value}
            change = await app.trials.invoke(self.home.admin, "probe.set", params)
            assert isinstance(change, PendingChange)
        elif how == "ask":
            change = await self._ask(value)
        else:
            run = await (
                self._live(value) if how == "live" else app.trials.test(self.home.admin, "setter", {"n": value})
            )
            (change_id,) = run.steps[0].change_ids
            change = await app.store.get_change(self.home.admin.organisation_id, change_id)
        return self._note(change, value, run)

    async def _ask(self, value: int) -> PendingChange:
        credentials, assistants = self.home.app.credentials, self.home.app.assistants
        actor, credential = await credentials.authenticate(self.assistant, CredentialKind.ASSISTANT, None)
        params = {"controller_id": self.home.controller.id, "value": value}
        change = await assistants.call(actor, credential, assistants.tools(actor)["probe__set"], params)
        assert isinstance(change, PendingChange)
        return change

    async def _live(self, value: int) -> Run:
        event = self.home.event({"n": value})
        with self.home.app.engine._dispatcher.reserved(event.id):
            await self.home.app.store.accept(event)
            (run,) = await self.home.app.engine._dispatcher.dispatch(event)
        return await self._ended(run.id)

    async def _ended(self, run_id: str) -> Run:
        run = await self.home.app.workers.wait(run_id, 10.0)
        assert run is not None
        return run

    def _note(self, change: PendingChange, value: Json, run: Run | None) -> str:
        assert change.state is ChangeState.PENDING
        self.known[change.id] = Known(change, value, self.target, run)
        return change.id

    @rule(target=changes, change=changes)
    def replay(self, change: str) -> Any:
        """The run is replayed: what it stages supersedes what is still pending of that event."""
        old = self.known[change].run
        return multiple() if old is None else self.loop.run(self._replay(change, old))

    async def _replay(self, change_id: str, old: Run) -> str:
        run = await self.home.app.trials.replay(self.home.admin, old.id)
        (new_id,) = run.steps[0].change_ids
        for known in self.known.values():
            if known.run is not None and known.run.event.id == old.event.id and self._pending(known):
                known.path.append(ChangeState.SUPERSEDED)
        change = await self.home.app.store.get_change(self.home.admin.organisation_id, new_id)
        return self._note(change, self.known[change_id].value, run)

    # Deciding.

    @rule(
        change=changes,
        who=st.sampled_from(WHO),
        shown=st.sampled_from(DIGESTS),
        force=st.sampled_from(FORCE),
        outcome=st.sampled_from(OUTCOMES),
        any_state=ANY_STATE,
    )
    def apply(self, change: str, who: str, shown: str, force: bool, outcome: str, any_state: bool) -> None:
        """Somebody or something applies."""
        self.loop.run(self._apply(self._pick(change, any_state), who, shown, force, outcome))

    def _shown(self, known: Known, shown: str) -> str:
        others = [each.digest for each in self.known.values() if each.digest != known.digest]
        return {"right": known.digest, "wrong": "0" * 64, "another's": (others or ["1" * 64])[0]}.get(shown, "")

    def _refusal(self, known: Known, who: str, shown: str, force: bool) -> str | None:
        if refused := refusal_of(who):
            return refused
        if self.server_read_only or self.controller_read_only:
            return "READ_ONLY"
        if not force:
            return "FORCE_REQUIRED"
        if shown != "right":
            return "CHANGE_STALE"
        return None if self._pending(known) and known.expires_at > self.clock.now() else "CHANGE_STATE"

    async def _apply(self, known: Known, who: str, shown: str, force: bool, outcome: str) -> None:
        expected = self._refusal(known, who, shown, force)
        self.unreadable = UNREAD.get(outcome)
        error, state = SENT.get(outcome, (None, ChangeState.FAILED))
        current().failures[str(known.value)] = [error] if error is not None else []
        if expected is None:
            known.path.append(ChangeState.APPLYING)
            if outcome in SENT and known.planned_on != self.target:
                expected, state = "CHANGE_DRIFTED", ChangeState.DRIFTED
            known.path.append(state)
            known.sent = outcome in SENT and state is not ChangeState.DRIFTED
            if state is ChangeState.APPLIED:
                self.target = known.value
        try:
            done = await self.home.app.applier.apply(
                actor_as(who, self.home.admin, self.foreign), known.id, force=force, digest=self._shown(known, shown)
            )
            assert (expected, done.state) == (None, known.state)
        except FabricError as refused:
            assert refused.code == expected, (refused.code, expected, outcome)
        finally:
            self.unreadable = None
            current().failures.clear()

    @rule(change=changes, who=st.sampled_from(WHO))
    def reject(self, change: str, who: str) -> None:
        """Somebody or something rejects."""
        known = self.known[change]
        expected = refusal_of(who) or (None if self._pending(known) else "CHANGE_STATE")
        try:
            self.loop.run(self._reject(actor_as(who, self.home.admin, self.foreign), known))
            assert expected is None
            known.path.append(ChangeState.REJECTED)
        except FabricError as refused:
            assert refused.code == expected

    async def _reject(self, actor: Actor, known: Known) -> None:
        await self.home.app.applier.reject(actor, known.id, "no")

    @rule(change=changes, applies=st.integers(1, 3), rejects=st.integers(0, 2), any_state=ANY_STATE)
    def all_at_once(self, change: str, applies: int, rejects: int, any_state: bool) -> None:
        """Two people, two tabs, a double click."""
        self.loop.run(self._all_at_once(self._pick(change, any_state), applies, rejects))

    async def _all_at_once(self, known: Known, applies: int, rejects: int) -> None:
        admin, applier = self.home.admin, self.home.app.applier
        outcomes = await asyncio.gather(
            *(applier.apply(admin, known.id, force=True, digest=known.digest) for _ in range(applies)),
            *(applier.reject(admin, known.id, None) for _ in range(rejects)),
            return_exceptions=True,
        )
        won = [each for each in outcomes if not (isinstance(each, FabricError) and each.code != "CHANGE_DRIFTED")]
        assert all(isinstance(each, FabricError | PendingChange) for each in outcomes), outcomes
        can_apply = self._refusal(known, "admin", "right", True) is None
        assert len(won) == (1 if can_apply or (rejects and self._pending(known)) else 0), outcomes
        if not won:
            return
        if isinstance(won[0], PendingChange) and won[0].state is ChangeState.REJECTED:
            known.path.append(ChangeState.REJECTED)
            return
        drifted = isinstance(won[0], Conflict)
        assert drifted == (known.planned_on != self.target)
        known.path += [ChangeState.APPLYING, ChangeState.DRIFTED if drifted else ChangeState.APPLIED]
        if not drifted:
            known.sent, self.target = True, known.value

    # What happens around it.

    @rule(value=VALUES)
    def drift(self, value: int) -> None:
        """Somebody else changes the target."""
        self.target = current().state = value

    @rule(change=changes)
    def drift_back(self, change: str) -> None:
        """Somebody else changes the target to what a change was planned on."""
        self.target = current().state = self._pick(change, False).planned_on

    @rule(flag=st.sampled_from([False, False, False, True]))
    def set_controller_read_only(self, flag: bool) -> None:
        """An operator turns the controller's flag."""
        self.controller_read_only = flag
        work = self.home.app.administration
        self.loop.run(work.change_controller(self.home.admin, self.home.controller.id, {"read_only": flag}, None))

    @rule(days=st.sampled_from([0.1, 0.5, 1.5]), swept=st.booleans())
    def wait(self, days: float, swept: bool) -> None:
        """Days go by; what nobody decided in time has expired, whether or not a sweep has said so."""
        self.clock.pass_by(days * DAY)
        if swept:
            self.loop.run(self._sweep())

    async def _sweep(self) -> None:
        await self.home.app.applier.sweep()
        for known in self.known.values():
            if self._pending(known) and known.expires_at <= self.clock.now():
                known.path.append(ChangeState.EXPIRED)
            elif known.state is ChangeState.APPLYING:
                known.path.append(ChangeState.UNKNOWN)

    @precondition(lambda self: self.steps_lived >= LIFE)
    @rule(read_only=st.sampled_from([False, False, False, False, True]))
    def restart(self, read_only: bool) -> None:
        """The server is stopped and started, perhaps with ADAPTER_READ_ONLY."""
        self.server_read_only = read_only
        self.loop.run(self._restart())

    @rule(change=changes, end=st.sampled_from(["the process dies", "the lease runs out"]))
    def lose_it_while_it_is_sent(self, change: str, end: str) -> None:
        """The target has it, and whoever sent it is gone or too late to say so: `unknown`, never sent again."""
        known = self._pick(change, False)
        if self._refusal(known, "admin", "right", True) is None and known.planned_on == self.target:
            self.loop.run(self._lose(known, end))

    async def _lose(self, known: Known, end: str) -> None:
        held = asyncio.Event()
        current().gates[str(known.value)] = held
        call = asyncio.create_task(
            self.home.app.applier.apply(self.home.admin, known.id, force=True, digest=known.digest)
        )
        while (known.id, known.digest) not in self.applied:
            await asyncio.sleep(0)
        known.path.append(ChangeState.APPLYING)
        known.sent = True
        if end == "the process dies":
            call.cancel()
            await self._restart()
            await self._sweep()
            return
        self.clock.pass_by(APPLY_SECONDS + LEASE_SECONDS + 1.0)
        await self._sweep()
        current().gates.clear()
        held.set()
        try:
            await call
            raise AssertionError("who came too late ended the change")
        except Conflict as late:
            assert late.code == "CHANGE_STATE"
        self.target = known.value

    # What must hold.

    @invariant()
    def what_was_applied_is_what_was_asked_for_once(self) -> None:
        """Each application was asked for by a person who saw just that, and happened once."""
        asked = [(known.id, known.digest) for known in self.known.values() if known.sent]
        assert Counter(self.applied) == Counter(asked)

    @invariant()
    def every_change_stands_where_the_model_says(self) -> None:
        """No other state, after whatever happened."""
        self.loop.run(self._compare())

    async def _compare(self) -> None:
        self.steps_lived += 1
        organisation = self.home.admin.organisation_id
        for known in self.known.values():
            assert (await self.home.app.store.get_change(organisation, known.id)).state is known.state

    def teardown(self) -> None:
        """The history must tell all of it; then everything is closed."""
        try:
            self.loop.run(check_history(self.home, list(self.known.values())))
        finally:
            self.loop.run(self.stack.aclose())
            self.loop.close()
            self.observing.stop()
            houses.on_apply = lambda change, call: None
            self.folder.cleanup()
