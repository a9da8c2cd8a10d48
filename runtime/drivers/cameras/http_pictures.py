"""A picture over HTTP: fetched, and checked to be one."""

import time

from catalog.provider import Target
from runtime.drivers.cameras.door import Door
from runtime.drivers.cameras.face import Still
from runtime.drivers.cameras.jpeg import measure
from runtime.drivers.cameras.limits import MAX_JPEG
from runtime.drivers.failures import auth_failed, not_found, refused


async def fetch_still(door: Door, target: Target, path: str, camera_id: str) -> Still:
    """The picture at that path now. Raises FabricError TARGET_*."""
    came = await door.ask(path, f"for a picture of `{camera_id}`", headers={"Accept": "image/jpeg"})
    if came.status == 403:
        raise auth_failed(target, f"who signs in may not see `{camera_id}`")
    if came.status == 404:
        raise not_found(target, f"no picture at the path of `{camera_id}`", "Correct its `path` in the settings.")
    if came.status != 200:
        raise refused(target, f"it answers {came.status} when asked for a picture of `{camera_id}`")
    if came.truncated:
        raise refused(target, f"its picture of `{camera_id}` is larger than {MAX_JPEG // 1024} KiB")
    return checked_still(target, came.body, camera_id, time.time())


def checked_still(target: Target, content: bytes, camera_id: str, taken_at: float) -> Still:
    """The picture that these bytes are. Raises TargetFailed TARGET_REFUSED."""
    try:
        size = measure(content)
    except ValueError as error:
        raise refused(target, f"for `{camera_id}`, {error}", "Does the path lead to a JPEG picture?") from None
    return Still(content=content, taken_at=taken_at, width=size.width, height=size.height)
