"""Supervisor: moves the replicas of one service towards what is wanted.

A look compares what is wanted with what is there and begins what is due; it never waits, so nothing interleaves with
it. Whatever happens (a replica is ready, ends, turns unhealthy; a pause is over; a wish changes) asks for another look.
A replica costs one sleeping task, an idle service nothing.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from catalog.errors import FabricError, GuestFailed, Unavailable
from runtime.daemon.services import rollout
from runtime.daemon.services.ended import Ending
from runtime.daemon.services.parts import Owner, Parts
from runtime.daemon.services.prepared import Prepared
from runtime.daemon.services.records import Health, ServiceRecord
from runtime.daemon.services.slot import Leaving, Slot
from runtime.daemon.services.view import View
from runtime.daemon.timers import Alarm
from runtime.wasm.launch import Abi, Exit, Replica

NOT_ROUTED = frozenset({Abi.COMMAND})


class Supervisor(View):
    """One service at work. `record` is what is wanted; who changes it asks for a look."""

    def __init__(self, record: ServiceRecord, parts: Parts, owner: Owner) -> None:
        super().__init__(record, lambda: parts.limits, parts.clock.monotonic())
        self._parts = parts
        self._owner = owner
        self._log = parts.logs.of(record.id)
        self.route = parts.router.open(record.id)
        self._ending = Ending(self, parts)
        self._preparing: asyncio.Task[Prepared] | None = None
        self._prepared_revision = 0
        """The revision that was prepared last, well or not; 0: volumes are not held, nothing can be launched."""
        self._usable = False
        self._outdated = False
        """An earlier revision's volumes may be held that this one does not use."""
        self._generation = 0
        self._released = False
        """Nothing is waited for any more; volumes may be held."""
        self._missing: str | None = None
        """Which volume is not there yet."""
        self._held = False
        self._grace = 10.0
        self._born = 0
        self._looking: asyncio.Handle | None = None
        self._alarm: Alarm | None = None
        self.forgotten = False
        """It was deleted, and what it left has been removed."""
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    # What others tell.

    def look(self) -> None:
        """Ask for a look; many questions in a row lead to one."""
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_soon(self._look)

    def begin(self) -> None:
        """Start anew after a stop or a failure: earlier failures count no more."""
        self._held, self.halted, self.stuck, self._missing = False, None, None, None
        for slot in self.slots:
            slot.attempts = slot.restarts = 0
        if self._prepared_revision or not self._usable:
            self._generation += 1
        self.look()

    def renew(self, grace: float, *, force: bool) -> int:
        """Replace every replica, one by one or with `force` all at once; answers how many there are.

        Its module is resolved anew: the same reference may be another module by now.
        """
        running = [slot for slot in self.slots if slot.phase in rollout.LIVE]
        self._grace = grace
        if self._usable and self.halted is None:
            self._prepared_revision, self._usable, self.stuck = 0, not force, None
        self.begin()
        if force:
            for slot in running:
                slot.stop("stopped", 0.0)
                slot.kill()
        return len(running)

    def rest(self, grace: float, *, force: bool, held: bool = False) -> None:
        """No replica is wanted any more, or with `held` none until the daemon starts again."""
        self._grace = 0.0 if force else grace
        self._held = self._held or held
        if self._preparing is not None:
            self._preparing.cancel()
        if force:
            for slot in self.slots:
                slot.kill()
        self.look()

    def halt(self, error: FabricError) -> None:
        """Stop all replicas at once and stay failed until somebody starts the service."""
        if self.halted is None:
            self.halted, self._grace = error, 0.0
            self._log.note(error.message)
            self._ending.failed(None, error.message)
        self.look()

    def adopt(self, record: ServiceRecord, *, rolls: bool) -> None:
        """Take another specification or count; where it `rolls` not, replicas stay as they are."""
        if not rolls and self._prepared_revision == self.record.revision.number:
            self._prepared_revision = record.revision.number
        self.record = record
        if rolls:
            self.stuck = self._missing = None
        if rolls and self.halted is not None:
            self.begin()
        self.look()

    def volume_created(self, names: set[str]) -> None:
        """A volume is there that has one of these names; perhaps it was waited for."""
        if self._missing is not None and any(use.source in names for use in self.spec.volumes):
            self._missing = None
            self.look()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds after a look."""
        if condition():
            return
        waiter: tuple[Callable[[], bool], asyncio.Future[None]]
        waiter = (condition, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self.look()
        try:
            await waiter[1]
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    # What is derived; the rest of it is in View.

    @property
    def resting(self) -> bool:
        """Should no replica run now?"""
        return self._held or self.halted is not None or self.record.desired != "running"

    @property
    def open(self) -> bool:
        """Is it known what it is, and may it be asked?"""
        return self._released and self._usable and not self.resting

    @property
    def idle(self) -> bool:
        """Does nothing run, and is nothing under way?"""
        return self._preparing is None and not any(
            slot.phase in ("starting", "running", "stopping") for slot in self.slots
        )

    @property
    def settled(self) -> bool:
        """Is all as wanted, or will it not be without somebody's help?"""
        if self.resting:
            return self.idle
        if self.stuck is not None:
            return True
        if self._prepared_revision != self.record.revision.number:
            return False
        current = [slot for slot in self.slots if slot.generation == self._generation]
        if len(current) == len(self.slots) == self.record.replicas and all(slot.fit for slot in current):
            return True
        failed = any(slot.phase == "failed" for slot in current)
        return failed and not any(slot.phase in rollout.LIVE for slot in current)

    # One look.

    def _look(self) -> None:
        self._looking = None
        if self.resting:
            self._come_to_rest()
        elif self._may_start():
            self._prepare()
            if self._usable and self.prepared is not None:
                self._move(self.prepared)
        self._owner.changed(self)
        for waiter in self._waiters:
            if not waiter[1].done() and waiter[0]():
                waiter[1].set_result(None)

    def _may_start(self) -> bool:
        if not self._released:
            self.waiting_for = self._missing or self._owner.blocker(self)
            self._released = self.waiting_for is None
            if self._released:
                self.route.accept()
        return self._released

    def _come_to_rest(self) -> None:
        self.route.refuse()
        self._ring_at(None)
        self.waiting_for = None
        for slot in self.slots:
            if slot.phase in rollout.LIVE:
                self._stop(slot, "stopped")
            elif slot.phase in ("backoff", "failed"):
                slot.phase = "stopped"
        if self.idle and self._released:
            self._released = False
            self._prepared_revision, self._usable = 0, False
            self._parts.preparer.release(self.id)

    def _move(self, prepared: Prepared) -> None:
        wanted = self.record.replicas
        moves = rollout.next_moves(self._places(), wanted, most=self._parts.limits.max_replicas_per_service)
        leaving, again = [self.slots[at] for at in moves.stop], [self.slots[at] for at in moves.again]
        for slot in leaving:
            if slot.phase == "stopping":
                slot.leaving = "gone"
            elif slot.phase in rollout.LIVE:
                self._stop(slot, "gone")
            else:
                self.slots.remove(slot)
        for _ in range(moves.add):
            again.append(self._new_slot())
        now = self._parts.clock.monotonic()
        for slot in self.slots:
            if slot.phase == "backoff" and slot.due <= now and slot not in again:
                slot.restarts += 1
                again.append(slot)
        for slot in again:
            self._launch(slot, prepared)
        self._ring_at(min((slot.due for slot in self.slots if slot.phase == "backoff"), default=None))
        if self._outdated and all(slot.generation == self._generation for slot in self.slots):
            self._outdated = False
            self._parts.preparer.release(self.id, self.record.spec)
        if self.slots and all(slot.phase == "completed" for slot in self.slots):
            self._owner.completed(self)

    def _places(self) -> list[rollout.Place]:
        return [
            rollout.Place(
                current=slot.generation == self._generation,
                phase=slot.phase,
                fit=slot.fit,
                born=slot.born,
                goes=slot.phase == "stopping" and slot.leaving == "gone",
            )
            for slot in self.slots
        ]

    def _ring_at(self, when: float | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if when is None else self._parts.timers.at(when, self.look)

    def _new_slot(self) -> Slot:
        taken = {slot.number for slot in self.slots}
        slot = Slot(self.id, next(number for number in range(len(taken) + 1) if number not in taken))
        self.slots.append(slot)
        self.slots.sort(key=lambda each: each.number)
        return slot

    # Preparation: at most one at a time.

    def _prepare(self) -> None:
        wanted = self.record.revision.number
        if self._preparing is None and wanted != self._prepared_revision:
            record = self.record
            task = asyncio.create_task(self._parts.preparer.prepare(record.id, record.spec), name=f"prepare {self.id}")
            task.add_done_callback(partial(self._on_prepared, wanted))
            self._preparing = task

    def _on_prepared(self, revision: int, task: asyncio.Task[Prepared]) -> None:
        self._preparing = None
        self.look()
        if task.cancelled():
            return
        self._prepared_revision = revision
        error = task.exception()
        if isinstance(error, OSError):
            error = Unavailable("RUNTIME_UNAVAILABLE", f"The service cannot be prepared: {error.strerror or error}.")
        if isinstance(error, FabricError):
            self._not_prepared(error)
            return
        self._outdated = self._usable
        self.prepared, self.stuck, self._usable = task.result(), None, True
        for note in self.prepared.notes:
            self._log.note(note)
        self._generation += 1

    def _not_prepared(self, error: FabricError) -> None:
        if not self._usable and error.code == "VOLUME_NOT_FOUND":
            # The API takes services before their volumes: such a one waits.
            self._missing, self._prepared_revision, self._released = error.message, 0, False
            return
        if not self._usable:
            self.halt(error)
            return
        self.stuck = error
        self._log.note(error.message)

    # One replica.

    def _launch(self, slot: Slot, prepared: Prepared) -> None:
        self._born += 1
        slot.born, slot.generation, slot.revision = self._born, self._generation, self._prepared_revision
        slot.launch(prepared, self._parts.launcher, self._log, self)

    def _stop(self, slot: Slot, leaving: Leaving) -> None:
        if slot.replica is not None:
            self.route.leave(slot.replica)
        slot.stop(leaving, self._grace)

    def ready(self, slot: Slot, replica: Replica) -> None:
        """See slot.Told."""
        slot.started_at_ns = self._parts.clock.now_ns()
        slot.phase = "running"
        self._parts.events.publish("service.started", service_id=self.id, name=self.name, instance=slot.id)
        check = self.health_check
        if check is None:
            self._health(slot, replica, "healthy")
        else:
            told = partial(self._health, slot, replica)
            slot.watching = self._parts.watcher.watch(self.id, slot.id, replica, check, told)
        self.look()

    def _health(self, slot: Slot, replica: Replica, health: Health) -> None:
        """A replica's health has changed; only one that is healthy is given anything to do."""
        if slot.replica is not replica or slot.phase != "running":
            return
        slot.health = health
        if health == "healthy":
            slot.reason = None
            slot.fit_since = self._parts.clock.monotonic() if slot.fit_since is None else slot.fit_since
            if self.abi not in NOT_ROUTED:
                self.route.join(replica)
        else:
            self.route.leave(replica)
            if health == "unhealthy":
                slot.reason = "its health check fails"
                if self.restart_policy.policy != "never":
                    self._stop(slot, "again")
        self.look()

    def not_launched(self, slot: Slot, error: FabricError) -> None:
        """See slot.Told."""
        self._log.note(f"`{slot.id}` could not be started: {error.message}")
        self._ending.of_slot(slot, good=False, reason=error.message)
        self.look()

    def called_off(self, slot: Slot) -> None:
        """See slot.Told."""
        self._ending.called_off(slot)
        self.look()

    def ended(self, slot: Slot, replica: Replica, end: Exit) -> None:
        """See slot.Told."""
        self.route.leave(replica)
        self.totals.add_ended(replica, end)
        self._ending.of_replica(slot, end)
        self.look()

    def volume_full(self, volume: str) -> None:
        """A volume it writes to is over its quota."""
        self.halt(
            GuestFailed(
                "VOLUME_FULL", f"Volume `{volume}` is full.", hint="Make room or a larger volume, then start it."
            )
        )
