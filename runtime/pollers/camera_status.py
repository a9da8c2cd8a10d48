"""Camera status: devices that are cameras also come and go as `camera.status.online|offline`. Pure."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from catalog.provider import Target
from runtime.drivers.cameras.face import KIND
from runtime.drivers.driver import Device
from runtime.drivers.opening import find_driver
from runtime.pollers.watch import Happening
from runtime.providers.cameras.events import CameraStatus
from runtime.providers.cameras.fields import moment

UNLISTED = "the controller no longer lists it"


def camera_statuses(
    before: Mapping[str, Device], now: Mapping[str, Device], target: Target, at: float, *, was_reachable: bool
) -> list[Happening]:
    """What two looks at a controller tell of its cameras; one that is seen for the first time has not come online.

    While the controller could not be reached, all of its cameras were away. `at` is seconds since 1970 UTC.
    """
    happenings: list[Happening] = []
    if not _has_cameras(target):
        return happenings
    for camera_id, camera in now.items():
        old = before.get(camera_id)
        if camera.kind == KIND and old is not None and camera.online != (old.online and was_reachable):
            happenings.append(_told(camera, target, at, camera.reason))
    for camera_id, old in before.items():
        if camera_id not in now and old.kind == KIND and old.online and was_reachable:
            happenings.append(_told(msgspec.structs.replace(old, online=False), target, at, UNLISTED))
    return happenings


def cameras_away(before: Mapping[str, Device], target: Target, at: float, reason: str) -> list[Happening]:
    """Their controller can no longer be reached."""
    if not _has_cameras(target):
        return []
    away = [
        msgspec.structs.replace(each, online=False) for each in before.values() if each.kind == KIND and each.online
    ]
    return [_told(each, target, at, reason) for each in away]


def _has_cameras(target: Target) -> bool:
    driver = find_driver(target.driver)
    return driver is not None and driver.module == "cameras"


def _told(camera: Device, target: Target, at: float, reason: str | None) -> Happening:
    kind = f"camera.status.{'online' if camera.online else 'offline'}"
    status = CameraStatus(
        controller_id=UUID(target.id),
        camera_id=camera.device_id,
        camera_name=camera.name,
        site_id=target.site_id,
        occurred_at=moment(at),
        reason=reason,
    )
    return Happening(type=kind, payload=msgspec.to_builtins(status), key=f"{kind} {camera.device_id}")
