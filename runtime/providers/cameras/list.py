"""`cameras.list`: the cameras of a controller."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.cameras.face import cameras_of
from runtime.providers.fields import ControllerId, Limit

operations = OperationSet("cameras")


class CameraQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose cameras."""

    controller_id: ControllerId
    limit: Limit = 100


class Camera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera; `reason` says why it is offline."""

    camera_id: str
    name: str
    online: bool
    reason: str | None = None
    width: Annotated[int | None, Meta(description="Of its picture in pixels, where it tells.")] = None
    height: Annotated[int | None, Meta(description="Of its picture in pixels, where it tells.")] = None
    model: Annotated[str | None, Meta(description="As the camera calls itself.")] = None


class CameraList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cameras by their id; `truncated` says that there are more."""

    cameras: list[Camera]
    truncated: bool


@operations.read("list", permission="cameras.view", title="List the cameras of a controller")
async def list_cameras(query: CameraQuery, call: Call) -> CameraList:
    """List a controller's cameras, and whether each answers now."""
    found = sorted(await cameras_of(call).devices(), key=lambda each: each.device_id)
    cameras = [
        Camera(
            camera_id=each.device_id,
            name=each.name,
            online=each.online,
            reason=each.reason,
            **{name: each.facts[name] for name in ("width", "height", "model") if name in each.facts},
        )
        for each in found[: query.limit]
    ]
    return CameraList(cameras=cameras, truncated=len(found) > query.limit)
