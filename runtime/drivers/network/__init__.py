"""Drivers of networks."""

from runtime.drivers.driver import Driver, NoCredentials
from runtime.drivers.network.settings import NetlinkSettings

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="netlink",
        module="network",
        title="This machine's neighbour table",
        settings=NetlinkSettings,
        credentials=NoCredentials,
        code="runtime.drivers.network.netlink:Netlink",
        extra="netlink",
        needs=("pyroute2",),
        devices=True,
    ),
)
"""Each driver of this module."""
