"""Drivers of hypervisors."""

from runtime.drivers.driver import Driver
from runtime.drivers.hypervisor.settings import LibvirtCredentials, LibvirtSettings

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="libvirt",
        module="hypervisor",
        title="QEMU/KVM machines through libvirt",
        settings=LibvirtSettings,
        credentials=LibvirtCredentials,
        code="runtime.drivers.hypervisor.libvirt:Libvirt",
        extra="libvirt",
        needs=("libvirt",),
        devices=True,
    ),
)
"""Each driver of this module."""
