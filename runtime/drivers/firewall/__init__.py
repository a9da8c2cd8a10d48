"""Drivers of firewalls and gateways."""

from runtime.drivers.driver import Driver, NoCredentials
from runtime.drivers.firewall.settings import EveSettings, UlogdSettings

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="eve",
        module="firewall",
        title="Suricata, by its EVE log",
        settings=EveSettings,
        credentials=NoCredentials,
        code="runtime.drivers.firewall.eve:Eve",
        devices=True,
        poll_seconds=20.0,
    ),
    Driver(
        name="ulogd",
        module="firewall",
        title="nftables, by the JSON that ulogd writes of its log",
        settings=UlogdSettings,
        credentials=NoCredentials,
        code="runtime.drivers.firewall.ulogd:Ulogd",
        devices=True,
        poll_seconds=20.0,
    ),
)
"""Each driver of this module."""
