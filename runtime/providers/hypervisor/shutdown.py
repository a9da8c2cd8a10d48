"""`hypervisor.vm.shutdown`: a machine's operating system is asked to end."""

from catalog.changes import Change
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.hypervisor.moving import Moving, move, need_state, planned
from runtime.providers.hypervisor.which import Which

operations = OperationSet("hypervisor")


@operations.write("vm.shutdown", permission="hypervisor.manage_vms", title="Shut a virtual machine down")
class Shutdown(Moving):
    """Ask a virtual machine's operating system to end.

    It is applied once the hypervisor has passed the request on. Whether and when the operating system follows shows in
    the machine's state, and as `device.status.changed`.
    """

    async def plan(self, params: Which, call: Call) -> Change:
        """Its state before and after. Raises NotFound TARGET_NOT_FOUND, Conflict MACHINE_STATE."""
        machine = await planned(params, call)
        need_state(machine, ("running",), "shut down", "Only a machine that runs can be asked; `stop` powers one off.")
        return move(
            machine,
            "shutdown",
            after={"state": "off"},
            summary=f"Ask virtual machine `{machine.name}` to shut down, now running.",
        )
