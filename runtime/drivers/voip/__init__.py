"""Drivers of telephones."""

from runtime.drivers.driver import Driver
from runtime.drivers.voip.settings import KamailioSettings, Login, SipSettings

DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="kamailio",
        module="voip",
        title="The registrar and the calls of a Kamailio server",
        settings=KamailioSettings,
        credentials=Login,
        code="runtime.drivers.voip.kamailio:Kamailio",
        devices=True,
    ),
    Driver(
        name="sip",
        module="voip",
        title="SIP telephones, asked themselves or through a proxy",
        settings=SipSettings,
        credentials=Login,
        code="runtime.drivers.voip.sip:Sip",
        devices=True,
    ),
)
"""Each driver of this module."""
