"""`hypervisor.vm.list`: the virtual machines of a controller."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.hypervisor.face import Machine, State, hypervisor_of
from runtime.providers.fields import ControllerId, Count, Limit

ROOM = 240 * 1024
"""Bytes of machines in one answer; a step's output holds 256 KiB."""

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
    given = list(_within(fit[: wanted.limit]))
    return Machines(machines=given, total=len(fit), truncated=len(fit) > len(given))


def _within(machines: Iterable[Machine]) -> Iterator[Machine]:
    """As many as fit into a step's output."""
    room = ROOM
    for each in machines:
        room -= len(msgspec.json.encode(each)) + 1
        if room < 0:
            return
        yield each
