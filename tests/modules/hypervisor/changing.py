"""What a test needs to plan a write at a real peer and to carry it out, as staging and Apply do."""

import asyncio

import msgspec

from catalog.changes import Change
from catalog.jsonvalue import Json, canonical
from catalog.operations import WriteEntry
from catalog.provider import Call, Ports, Target
from runtime.providers.hypervisor import HYPERVISOR


def _call(operation_id: str, target: Target, ports: Ports, change_id: str = "") -> Call:
    return Call(
        organisation_id=target.organisation_id,
        operation_id=operation_id,
        ports=ports,
        deadline=asyncio.get_running_loop().time() + 20,
        delivery_id="run-1.0",
        target=target,
        change_id=change_id,
    )


def _entry(operation_id: str) -> WriteEntry:
    entry = HYPERVISOR.code(operation_id)
    assert isinstance(entry, WriteEntry)
    return entry


async def plan(operation_id: str, target: Target, ports: Ports, **params: Json) -> Change:
    """The change, as it would be staged: through JSON, as a store keeps it. Raises FabricError."""
    entry = _entry(operation_id)
    given: object = msgspec.convert({"controller_id": target.id, **params}, entry.params)
    change = await entry.provider.plan(given, _call(operation_id, target, ports))
    return msgspec.json.decode(msgspec.json.encode(change), type=Change)


async def drifted(operation_id: str, change: Change, target: Target, ports: Ports) -> Json:
    """What is there now, None where it is as it was planned."""
    present = await _entry(operation_id).provider.observe(change, _call(operation_id, target, ports))
    return None if canonical(present) == canonical(change.precondition) else present


async def apply(operation_id: str, change: Change, target: Target, ports: Ports, change_id: str = "change-1") -> Json:
    """The outcome. Raises FabricError."""
    call = _call(operation_id, target, ports, change_id)
    return msgspec.to_builtins(await _entry(operation_id).provider.apply(change, call))
