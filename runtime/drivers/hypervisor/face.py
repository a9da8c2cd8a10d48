"""Hypervisor: what every driver of virtual machines can do, whatever it speaks."""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol, cast

import msgspec
from msgspec import Meta

from catalog.provider import Call
from runtime.drivers.driver import Peer
from runtime.drivers.opening import peer_of

State = Literal["running", "paused", "shutting_down", "off", "crashed", "suspended", "unknown"]
Verb = Literal["start", "stop", "shutdown", "reboot"]
Keeping = Literal["internal", "external"]


class Machine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A virtual machine as it is now."""

    vm_id: Annotated[str, Meta(description="Its UUID, which stays the same.")]
    name: str
    number: Annotated[int | None, Meta(description="Of its present run; a machine that is off has none.")] = None
    state: State
    reason: Annotated[str | None, Meta(description="Why it is in that state, where the hypervisor knows.")] = None
    cpus: Annotated[int, Meta(ge=0)]
    memory_bytes: Annotated[int, Meta(ge=0)]


class Snapshotted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine and the names of its snapshots, in alphabetical order."""

    machine: Machine
    snapshots: tuple[str, ...]


class Taking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a snapshot is taken: inside the disks' own files, or with a new file over each.

    `memory` says whether the machine's memory is kept too; `disks` are those that are.
    """

    keeping: Keeping
    memory: bool
    disks: tuple[str, ...]


class Hypervisor(Peer, Protocol):
    """A hypervisor, opened. A machine is named by number, name or UUID; what changes one takes its UUID."""

    async def machines(self) -> Sequence[Machine]:
        """Every machine, in the order of their names. Raises FabricError TARGET_*."""
        ...

    async def machine(self, vm_id: int | str) -> Snapshotted:
        """One of them. Raises NotFound TARGET_NOT_FOUND, FabricError TARGET_*."""
        ...

    async def move(self, vm_id: str, verb: Verb) -> Machine:
        """Do that to it; the machine right after. `shutdown` and `reboot` only ask its operating system.

        Raises NotFound TARGET_NOT_FOUND; TargetFailed TARGET_REFUSED; TargetTimeout where the end is not known.
        """
        ...

    async def survey(self, vm_id: str, *, memory: bool) -> Taking:
        """How a snapshot of it can be taken now. Raises TargetFailed TARGET_REFUSED where it cannot."""
        ...

    async def take(self, vm_id: str, name: str, taking: Taking, key: str, deadline: float) -> bool:
        """Take a snapshot; False where the same `key` has taken it already. Raises as `move`.

        It may last longer than other calls do: until `deadline` on the loop's clock, or what the driver's settings say.
        """
        ...


def hypervisor_of(call: Call) -> Hypervisor:
    """The call's target. Raises Invalid DRIVER_UNFIT and what `opening.peer_of` raises."""
    return cast(Hypervisor, peer_of(call, "hypervisor"))
