"""Drivers of cameras."""

from runtime.drivers.cameras.settings import HttpSettings, Login, OnvifSettings, RtspSettings
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
    Driver(
        name="rtsp",
        module="cameras",
        title="Cameras that stream",
        settings=RtspSettings,
        credentials=Login,
        code="runtime.drivers.cameras.rtsp:Rtsp",
        extra="rtsp",
        needs=("av",),
        devices=True,
    ),
    Driver(
        name="onvif",
        module="cameras",
        title="Cameras and recorders that speak ONVIF",
        settings=OnvifSettings,
        credentials=Login,
        code="runtime.drivers.cameras.onvif:Onvif",
        devices=True,
    ),
)
"""Each driver of this module."""
