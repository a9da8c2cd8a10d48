"""`hypervisor.vm.reboot`: a machine's operating system is asked to start again."""

from catalog.changes import Change
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.hypervisor.moving import Moving, move, need_state, planned
from runtime.providers.hypervisor.which import Which

operations = OperationSet("hypervisor")


@operations.write("vm.reboot", permission="hypervisor.manage_vms", title="Restart a virtual machine")
class Reboot(Moving):
    """Ask a virtual machine's operating system to start again.

    It is applied once the hypervisor has passed the request on; an operating system that hangs does not follow.
    """

    async def plan(self, params: Which, call: Call) -> Change:
        """Its state before and after. Raises NotFound TARGET_NOT_FOUND, Conflict MACHINE_STATE."""
        machine = await planned(params, call)
        need_state(machine, ("running",), "restart", "Only a machine that runs can be asked; `start` powers one on.")
        return move(
            machine,
            "reboot",
            after={"state": "running", "restarted": True},
            summary=f"Restart virtual machine `{machine.name}`, now running.",
        )
