"""`hypervisor.vm.snapshot`: a machine's disks, and on demand its memory, are kept as they are."""

from typing import Annotated

from msgspec import Meta

from catalog.operations import OperationSet
from runtime.providers.hypervisor.which import Which


class Wanted(Which, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot to be taken."""

    label: Annotated[str, Meta(description="The snapshot's name.", max_length=64)] = ""
    include_memory: Annotated[bool, Meta(description="Keep the machine's memory too.")] = False


operations = OperationSet("hypervisor")
operations.declare(
    "vm.snapshot",
    permission="hypervisor.manage_snapshots",
    params=Wanted,
    write=True,
    title="Take a snapshot of a virtual machine",
)
