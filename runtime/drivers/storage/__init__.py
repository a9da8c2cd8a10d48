"""Drivers of storage."""

from runtime.drivers.driver import Driver, NoCredentials
from runtime.drivers.storage.settings import LocalSettings

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="local",
        module="storage",
        title="A folder of this machine",
        settings=LocalSettings,
        credentials=NoCredentials,
        code="runtime.drivers.storage.local:Local",
    ),
)
"""Each driver of this module."""
