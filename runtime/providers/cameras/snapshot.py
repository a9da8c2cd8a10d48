"""`cameras.snapshot`: a picture, now."""

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.cameras.face import cameras_of
from runtime.providers.cameras.fields import JPEG, CameraId, moment
from runtime.providers.fields import ControllerId, Moment

operations = OperationSet("cameras")


class Picture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which camera."""

    controller_id: ControllerId
    camera_id: CameraId


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture that was taken."""

    camera_id: str
    taken_at: Moment
    artifact: ArtifactRef


@operations.read("snapshot", permission="cameras.view", produces=[JPEG], title="Take a still picture from a camera")
async def snapshot(picture: Picture, call: Call) -> Snapshot:
    """Take a still picture from a camera.

    The picture becomes the step's artifact; a later step that accepts `image/jpeg` is given it.
    """
    still = await cameras_of(call).snapshot(picture.camera_id)
    artifact = await call.ports.artifacts.put(still.content, JPEG)
    return Snapshot(camera_id=picture.camera_id, taken_at=moment(still.taken_at), artifact=artifact)
