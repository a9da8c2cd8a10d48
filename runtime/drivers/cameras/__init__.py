"""Drivers of cameras."""

from runtime.drivers.cameras.settings import HttpSettings, Login
from runtime.drivers.driver import Driver

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="http",
        module="cameras",
        title="Cameras that answer a request with a JPEG",
        settings=HttpSettings,
        credentials=Login,
        code="runtime.drivers.cameras.http:Http",
        devices=True,
    ),
)
"""Each driver of this module."""
