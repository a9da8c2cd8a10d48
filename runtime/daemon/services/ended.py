"""Ending: what follows when a replica has ended or could not be started, and who is told."""

from typing import TYPE_CHECKING

from catalog.jsonvalue import Json
from runtime.daemon.services.parts import Parts
from runtime.daemon.services.records import LastExit
from runtime.daemon.services.restarts import PROVEN_AFTER, after_end
from runtime.daemon.services.slot import Slot
from runtime.wasm.launch import Exit

if TYPE_CHECKING:
    from runtime.daemon.services.view import View


class Ending:
    """Knows one service's replicas' ends."""

    def __init__(self, service: "View", parts: Parts) -> None:
        self._service = service
        self._parts = parts

    def of_replica(self, slot: Slot, end: Exit) -> None:
        """A replica has ended: as it was told to, or by itself."""
        clock = self._parts.clock
        slot.last_exit = LastExit(code=end.code, trap=end.trap, at_ns=clock.now_ns())
        asked = slot.phase == "stopping" and slot.leaving != "again"
        reason = slot.reason or said_of(end)
        told: dict[str, Json] = {} if asked else {"reason": reason}
        self._parts.events.publish(
            "service.stopped",
            service_id=self._service.id,
            name=self._service.name,
            instance=slot.id,
            exit=shown(slot.last_exit),
            **told,
        )
        if not asked:
            self._parts.logs.of(self._service.id).note(f"`{slot.id}` has ended: {reason}")
        if asked and slot.leaving == "gone":
            self._service.slots.remove(slot)
        elif asked:
            slot.phase, slot.health, slot.reason = "stopped", "unknown", None
        else:
            self.of_slot(slot, good=end.good and slot.phase != "stopping", reason=reason)

    def of_slot(self, slot: Slot, *, good: bool, reason: str) -> None:
        """Nothing runs in a slot that should be at work: pause and start again, or be done with it."""
        now = self._parts.clock.monotonic()
        policy = self._service.restart_policy
        if slot.fit_since is not None and now - slot.fit_since >= PROVEN_AFTER * policy.backoff:
            slot.attempts = 0
        then = after_end(policy, good=good, attempts=slot.attempts, chance=self._parts.chance())
        slot.attempts += 1
        slot.phase, slot.health, slot.due = then.state, "unknown", now + then.pause
        slot.reason = None if then.state == "completed" else reason
        if then.state == "failed":
            self.failed(slot, reason)

    def called_off(self, slot: Slot) -> None:
        """A replica that was to be stopped was never launched."""
        if slot.leaving == "gone":
            self._service.slots.remove(slot)
        else:
            slot.phase, slot.health = "stopped", "unknown"

    def failed(self, slot: Slot | None, reason: str) -> None:
        """It is not started again."""
        of_slot: dict[str, Json] = {}
        if slot is not None:
            last = None if slot.last_exit is None else shown(slot.last_exit)
            of_slot = {"instance": slot.id, "exit": last, "restarts": slot.restarts}
        self._parts.events.publish(
            "service.failed", service_id=self._service.id, name=self._service.name, reason=reason, **of_slot
        )


def said_of(end: Exit) -> str:
    """Why a replica ended, in words."""
    if end.trap is not None:
        return end.trap
    return f"it was ended by signal {-end.code}" if end.code < 0 else f"it ended with code {end.code}"


def shown(end: LastExit) -> Json:
    """An exit as events carry it."""
    return {"code": end.code, "trap": end.trap}
