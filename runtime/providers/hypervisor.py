"""Virtual machines: one operation a verb, so that each has its own permission and feature. The driver comes later."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from runtime.providers.fields import ControllerId
from runtime.providers.native import NativeProvider

VmId = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(min_length=1, max_length=128)]


class Machine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A virtual machine on its controller."""

    controller_id: ControllerId
    vm_id: Annotated[VmId, Meta(description="The machine's number or name on its controller.")]


class MachineSnapshot(Machine, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot to be taken."""

    label: Annotated[str, Meta(description="The snapshot's name.", max_length=64)] = ""
    include_memory: Annotated[bool, Meta(description="Keep the machine's memory too.")] = False


operations = OperationSet("hypervisor")
operations.declare(
    "vm.snapshot",
    permission="hypervisor.manage_snapshots",
    params=MachineSnapshot,
    write=True,
    title="Take a snapshot of a virtual machine",
)
for verb, title, description in (
    ("start", "Start a virtual machine", "Powers it on."),
    ("stop", "Stop a virtual machine", "Powers it off at once, as if its plug were pulled."),
    ("shutdown", "Shut a virtual machine down", "Asks its operating system to end."),
    ("reboot", "Restart a virtual machine", "Asks its operating system to start again."),
):
    operations.declare(
        f"vm.{verb}",
        permission="hypervisor.manage_vms",
        params=Machine,
        write=True,
        title=title,
        description=description,
    )

HYPERVISOR = NativeProvider(operations)
