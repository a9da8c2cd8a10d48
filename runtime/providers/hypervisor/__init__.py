"""Virtual machines: one operation a verb, so that each has its own permission and feature."""

from runtime.providers.hypervisor import get, listing, reboot, shutdown, snapshot, start, stop
from runtime.providers.native import NativeProvider

HYPERVISOR = NativeProvider(
    get.operations,
    listing.operations,
    snapshot.operations,
    start.operations,
    stop.operations,
    shutdown.operations,
    reboot.operations,
)
