"""Domains: a machine as libvirt tells of it, in our words. Every function blocks: call it in a lane.

What libvirt's own module hands out has no types; each value is converted where it comes in.
"""

import uuid
from collections.abc import Mapping
from contextlib import suppress

import libvirt

from catalog.provider import Target
from runtime.drivers.failures import not_found
from runtime.drivers.hypervisor.face import Machine, Snapshotted, State
from runtime.drivers.printable import printable

_KIB = 1024
_NAME = 255

_STATES: Mapping[int, State] = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    # A machine that waits for a disk runs all the same.
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "shutting_down",
    libvirt.VIR_DOMAIN_SHUTOFF: "off",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
}

_REASONS: Mapping[tuple[int, int], str] = {
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN): "it was shut down",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED): "it was powered off",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_CRASHED): "it crashed: its process ended by itself",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED): "it was moved to another host",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SAVED): "it was saved to disk",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_FAILED): "it failed to start",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT): "it was put back to a snapshot",
    (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_DAEMON): "libvirt ended it",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER): "somebody paused it",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION): "it is being moved to another host",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SAVE): "it is being saved to disk",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR): "one of its disks has an input/output error",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_WATCHDOG): "its watchdog stopped it",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_SNAPSHOT): "a snapshot is being taken",
    (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_CRASHED): "its operating system crashed",
    (libvirt.VIR_DOMAIN_CRASHED, libvirt.VIR_DOMAIN_CRASHED_PANICKED): "its operating system crashed",
}


def find_domain(target: Target, connection: libvirt.virConnect, vm_id: int | str) -> libvirt.virDomain:
    """libvirt's domain of that number, name or UUID. A text is looked for as UUID, name and number, in this order.

    Raises NotFound TARGET_NOT_FOUND, libvirt.libvirtError.
    """
    ways = [(connection.lookupByID, vm_id), (connection.lookupByName, str(vm_id))]
    if isinstance(vm_id, str):
        ways = [(connection.lookupByName, vm_id)]
        with suppress(ValueError):
            ways.insert(0, (connection.lookupByUUIDString, str(uuid.UUID(vm_id))))
        if vm_id.isascii() and vm_id.isdigit() and len(vm_id) < 10:
            ways.append((connection.lookupByID, int(vm_id)))
    for way, key in ways:
        try:
            return way(key)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
    raise not_found(target, f"no virtual machine `{vm_id}`", "`hypervisor.vm.list` lists them.")


def machine_of(domain: libvirt.virDomain) -> Machine:
    """A machine as it is now. Raises libvirt.libvirtError."""
    code, memory_kib, _, cpus, _ = domain.info()
    state = _STATES.get(int(code), "unknown")
    number = int(domain.ID())
    return Machine(
        vm_id=str(domain.UUIDString()),
        name=printable(str(domain.name()), _NAME),
        number=number if number >= 0 else None,
        state=state,
        reason=None if state == "running" else _reason(domain),
        cpus=int(cpus),
        memory_bytes=int(memory_kib) * _KIB,
    )


def snapshotted(domain: libvirt.virDomain) -> Snapshotted:
    """A machine with its snapshots. Raises libvirt.libvirtError."""
    names = sorted(str(each.getName()) for each in domain.listAllSnapshots())
    return Snapshotted(machine=machine_of(domain), snapshots=tuple(names))


def _reason(domain: libvirt.virDomain) -> str | None:
    state, reason = domain.state()
    return _REASONS.get((int(state), int(reason)))
