"""`hypervisor.vm.get`: one virtual machine."""

from typing import Annotated

from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.hypervisor.face import Machine, hypervisor_of
from runtime.providers.fields import Count
from runtime.providers.hypervisor.which import Which

MOST_SNAPSHOTS = 500

operations = OperationSet("hypervisor")


class MachineShown(Machine, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine with its snapshots."""

    snapshots: Annotated[list[str], Meta(description="Their names in alphabetical order, the first 500.")]
    snapshots_total: Count


@operations.read("vm.get", permission="hypervisor.view", title="Look at a virtual machine")
async def get(which: Which, call: Call) -> MachineShown:
    """Tell a virtual machine's state, why it is in it, and its snapshots."""
    found = await hypervisor_of(call).machine(which.vm_id)
    machine = found.machine
    return MachineShown(
        vm_id=machine.vm_id,
        name=machine.name,
        number=machine.number,
        state=machine.state,
        reason=machine.reason,
        cpus=machine.cpus,
        memory_bytes=machine.memory_bytes,
        snapshots=list(found.snapshots[:MOST_SNAPSHOTS]),
        snapshots_total=len(found.snapshots),
    )
