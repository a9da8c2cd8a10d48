"""Drivers of storage."""

from runtime.drivers.driver import Driver

DRIVERS: tuple[Driver, ...] = ()
"""Each driver of this module."""
