"""Drivers of networks."""

from runtime.drivers.driver import Driver, NoCredentials
from runtime.drivers.network.settings import NetlinkSettings, SnmpCredentials, SnmpSettings

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
    Driver(
        name="snmp",
        module="network",
        title="Switches, routers and access points that answer SNMP",
        settings=SnmpSettings,
        credentials=SnmpCredentials,
        code="runtime.drivers.network.snmp:Snmp",
        extra="snmp",
        needs=("pysnmp",),
        devices=True,
    ),
)
"""Each driver of this module."""
