"""Drivers of telephones."""

from runtime.drivers.driver import Driver

DRIVERS: tuple[Driver, ...] = ()
"""Each driver of this module."""
