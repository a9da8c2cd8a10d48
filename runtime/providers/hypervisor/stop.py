"""`hypervisor.vm.stop`: a machine is powered off at once."""

from collections.abc import Sequence

from catalog.changes import Change
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.hypervisor.face import State
from runtime.providers.hypervisor.moving import WORDS, Moving, move, need_state, planned
from runtime.providers.hypervisor.which import Which

operations = OperationSet("hypervisor")

_AT_WORK: Sequence[State] = ("running", "paused", "shutting_down", "crashed", "suspended", "unknown")


@operations.write("vm.stop", permission="hypervisor.manage_vms", title="Stop a virtual machine")
class Stop(Moving):
    """Power a virtual machine off at once, as if its plug were pulled."""

    async def plan(self, params: Which, call: Call) -> Change:
        """Its state before and after. Raises NotFound TARGET_NOT_FOUND, Conflict MACHINE_STATE."""
        machine = await planned(params, call)
        need_state(machine, _AT_WORK, "stop", "Let the step depend on `hypervisor.vm.get`: its `state`.")
        return move(
            machine,
            "stop",
            after={"state": "off"},
            summary=f"Power virtual machine `{machine.name}` off at once, which {WORDS[machine.state]}; "
            "what it has not written is lost.",
        )
