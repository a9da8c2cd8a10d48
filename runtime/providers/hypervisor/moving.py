"""Moving: what starting, stopping, shutting down and restarting a machine have in common."""

from collections.abc import Sequence

import msgspec

from catalog.changes import Change
from catalog.errors import Conflict, NotFound
from catalog.jsonvalue import Json
from catalog.provider import Call
from runtime.drivers.hypervisor.face import Machine, State, Verb, hypervisor_of
from runtime.providers.hypervisor.which import Which

GONE: Json = {"state": "gone"}

WORDS: dict[State, str] = {
    "running": "is running",
    "paused": "is paused",
    "shutting_down": "is shutting down",
    "off": "is off",
    "crashed": "has crashed",
    "suspended": "sleeps",
    "unknown": "is in a state that nobody knows",
}


class Moved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The machine right after. `asked`: its operating system was asked, and does it in its own time or not at all."""

    vm_id: str
    name: str
    state: State
    asked: bool


def need_state(machine: Machine, fit: Sequence[State], doing: str, hint: str) -> None:
    """Refuse what makes no sense as the machine is. Raises Conflict MACHINE_STATE."""
    if machine.state not in fit:
        raise Conflict(
            "MACHINE_STATE",
            f"Virtual machine `{machine.name}` {WORDS[machine.state]}; there is nothing to {doing}.",
            hint=hint,
        )


async def planned(which: Which, call: Call) -> Machine:
    """The machine as it is. Raises NotFound TARGET_NOT_FOUND, FabricError TARGET_*."""
    return (await hypervisor_of(call).machine(which.vm_id)).machine


def move(machine: Machine, verb: Verb, *, after: Json, summary: str) -> Change:
    """The change: it holds for this very run of the machine, and for no later one."""
    return Change(
        target_id=machine.vm_id,
        request={"vm_id": machine.vm_id, "verb": verb},
        before=condition(machine),
        after={"name": machine.name, **after},
        precondition=facts(machine),
        summary=summary,
    )


def condition(machine: Machine) -> Json:
    """What a person reads of it."""
    reason = {} if machine.reason is None else {"reason": machine.reason}
    return {"name": machine.name, "state": machine.state, **reason}


def facts(machine: Machine) -> Json:
    """What a change rests on. The number tells one run of a machine from the next."""
    return {"vm_id": machine.vm_id, "state": machine.state, "number": machine.number}


class Moving:
    """Observes and applies; what is planned is each verb's own."""

    async def observe(self, change: Change, call: Call) -> Json:
        """The same facts now."""
        try:
            found = await hypervisor_of(call).machine(change.target_id)
        except NotFound:
            return GONE
        return facts(found.machine)

    async def apply(self, change: Change, call: Call) -> Moved:
        """Do it. Raises NotFound TARGET_NOT_FOUND, FabricError TARGET_*."""
        verb = change.request["verb"]
        machine = await hypervisor_of(call).move(change.request["vm_id"], verb)
        return Moved(vm_id=machine.vm_id, name=machine.name, state=machine.state, asked=verb in ("shutdown", "reboot"))
