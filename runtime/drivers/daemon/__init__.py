"""Drivers of services daemons."""

from catalog.daemons import DRIVER
from runtime.drivers.daemon.settings import DaemonCredentials, DaemonSettings
from runtime.drivers.driver import Driver

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name=DRIVER,
        module="daemon",
        title="A services daemon, by its socket or its address",
        settings=DaemonSettings,
        credentials=DaemonCredentials,
        code="runtime.drivers.daemon.fabricksd:Fabricksd",
    ),
)
"""Each driver of this module."""
