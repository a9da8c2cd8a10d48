"""Drivers as they are shown, by a server and by a command line that has none to ask."""

from api.fabric.tenancy_shapes import ShownDriver
from runtime.drivers import DRIVERS
from runtime.drivers.described import schema_of
from runtime.drivers.driver import Driver
from runtime.drivers.opening import installed


def shown_drivers() -> list[ShownDriver]:
    """Every driver of this version, and whether what it needs is installed here. Loads no client library."""
    return [_shown(each) for each in DRIVERS]


def _shown(driver: Driver) -> ShownDriver:
    return ShownDriver(
        name=driver.name,
        module=driver.module,
        title=driver.title,
        extra=driver.extra,
        installed=installed(driver),
        devices=driver.devices,
        settings=schema_of(driver.settings),
        credentials=schema_of(driver.credentials, secret=True),
    )
