"""`hypervisor.vm.snapshot`: a machine's disks, and on demand its memory, are kept as they are."""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.changes import Change
from catalog.errors import Conflict, Invalid, NotFound
from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.hypervisor.face import Machine, Snapshotted, Taking, hypervisor_of
from runtime.providers.hypervisor.moving import GONE, WORDS, condition
from runtime.providers.hypervisor.which import Which

TAKES = 620.0
"""Seconds: a snapshot with memory writes all of it. The controller's `snapshot_seconds` may say less."""

operations = OperationSet("hypervisor")


class Wanted(Which, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot to be taken."""

    label: Annotated[
        str,
        Meta(
            description="The snapshot's name; left out, one is made up.",
            max_length=64,
            pattern=r"^(\w[^/\\\x00-\x1f\x7f]*)?$",
        ),
    ] = ""
    include_memory: Annotated[
        bool, Meta(description="Keep the memory of a machine that runs too, so that it can go on from there.")
    ] = False


class Taken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The snapshot that is there now; `taken` is false where the same change had taken it already."""

    vm_id: str
    name: str
    snapshot: str
    memory: bool
    disks: tuple[str, ...]
    taken: bool


@operations.write(
    "vm.snapshot",
    permission="hypervisor.manage_snapshots",
    seconds=TAKES,
    title="Take a snapshot of a virtual machine",
)
class Snapshot:
    """Keep a virtual machine's disks as they are, and its memory too where that is wanted.

    With memory, or of a machine that is off, it is kept inside the disks' own qcow2 files. Without memory, a machine
    that runs goes on in a new file over each disk.
    """

    async def plan(self, params: Wanted, call: Call) -> Change:
        """Its snapshots before and after.

        Raises NotFound TARGET_NOT_FOUND; Invalid LABEL_INVALID; Conflict SNAPSHOT_EXISTS; TargetFailed TARGET_REFUSED.
        """
        found = await hypervisor_of(call).machine(params.vm_id)
        machine = found.machine
        name = _name(params.label, machine, call)
        if name in found.snapshots:
            raise Conflict(
                "SNAPSHOT_EXISTS",
                f"Virtual machine `{machine.name}` has a snapshot `{name}` already.",
                hint="Make the label unique, such as `before-{{event.id}}`, or leave it out.",
            )
        taking = await hypervisor_of(call).survey(machine.vm_id, memory=params.include_memory)
        before = {**condition(machine), "snapshots": list(found.snapshots)}
        return Change(
            target_id=machine.vm_id,
            request={"vm_id": machine.vm_id, "snapshot": name, "taking": msgspec.to_builtins(taking)},
            before=before,
            after={**before, "snapshots": sorted([*found.snapshots, name])},
            precondition=_facts(found),
            summary=_summary(machine, name, taking, params),
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Its state and its snapshots now."""
        try:
            return _facts(await hypervisor_of(call).machine(change.target_id))
        except NotFound:
            return GONE

    async def apply(self, change: Change, call: Call) -> Taken:
        """Take it. Raises NotFound TARGET_NOT_FOUND, FabricError TARGET_*."""
        request = change.request
        taking = msgspec.convert(request["taking"], Taking)
        taken = await hypervisor_of(call).take(
            request["vm_id"], request["snapshot"], taking, call.change_id, call.deadline
        )
        return Taken(
            vm_id=request["vm_id"],
            name=change.before["name"],
            snapshot=request["snapshot"],
            memory=taking.memory,
            disks=taking.disks,
            taken=taken,
        )


def _name(label: str, machine: Machine, call: Call) -> str:
    """The label, or a name that is the same when the same run plans anew."""
    if not label:
        return f"fabric-{hashlib.sha256(f'{call.delivery_id} {machine.vm_id}'.encode()).hexdigest()[:12]}"
    if not label.isprintable():
        raise Invalid("LABEL_INVALID", "`label` holds a control character.", hint="Write one line of plain text.")
    return label


def _facts(found: Snapshotted) -> Json:
    machine = found.machine
    return {"vm_id": machine.vm_id, "state": machine.state, "snapshots": list(found.snapshots)}


def _summary(machine: Machine, name: str, taking: Taking, params: Wanted) -> str:
    kept = ", ".join([*(["its memory"] if taking.memory else []), *(f"disk `{disk}`" for disk in taking.disks)])
    how = {"internal": "", "external": "; it goes on in a new file over each disk"}[taking.keeping]
    if params.include_memory and not taking.memory:
        how += "; it is off, so there is no memory to keep"
    return f"Take snapshot `{name}` of virtual machine `{machine.name}`, which {WORDS[machine.state]}: {kept}{how}."
