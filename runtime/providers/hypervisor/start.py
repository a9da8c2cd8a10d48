"""`hypervisor.vm.start`: a machine is powered on."""

from catalog.changes import Change
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.hypervisor.moving import WORDS, Moving, move, need_state, planned
from runtime.providers.hypervisor.which import Which

operations = OperationSet("hypervisor")


@operations.write("vm.start", permission="hypervisor.manage_vms", title="Start a virtual machine")
class Start(Moving):
    """Power a virtual machine on."""

    async def plan(self, params: Which, call: Call) -> Change:
        """Its state before and after. Raises NotFound TARGET_NOT_FOUND, Conflict MACHINE_STATE."""
        machine = await planned(params, call)
        need_state(machine, ("off", "crashed"), "start", "Let the step depend on `hypervisor.vm.get`: its `state`.")
        return move(
            machine,
            "start",
            after={"state": "running"},
            summary=f"Start virtual machine `{machine.name}`, which {WORDS[machine.state]}.",
        )
