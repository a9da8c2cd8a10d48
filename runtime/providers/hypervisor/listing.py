"""`hypervisor.vm.list`: the virtual machines of a controller."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.hypervisor.face import Machine, State, hypervisor_of
from runtime.providers.fields import ControllerId, Count, Limit

operations = OperationSet("hypervisor")


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose machines, and which of them."""

    controller_id: ControllerId
    state: Annotated[State | UnsetType, Meta(description="Only those in this state.")] = UNSET
    limit: Limit = 100


class Machines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Machines in the order of their names; `total` counts those left out as well."""

    machines: list[Machine]
    total: Count
    truncated: bool


@operations.read("vm.list", permission="hypervisor.view", title="List virtual machines")
async def listing(wanted: Wanted, call: Call) -> Machines:
    """List a controller's virtual machines with their states."""
    every = await hypervisor_of(call).machines()
    fit = [each for each in every if wanted.state is UNSET or each.state == wanted.state]
    return Machines(machines=fit[: wanted.limit], total=len(fit), truncated=len(fit) > wanted.limit)
