"""Cameras: stills, and what cameras see. The driver comes later."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.artifacts import ArtifactRef
from catalog.events import EventSpec
from catalog.operations import OperationSet
from runtime.providers.fields import ControllerId, Moment, SiteId, SourceId
from runtime.providers.native import NativeProvider

JPEG = "image/jpeg"

CameraId = Annotated[str, Meta(description="The camera on its controller.", min_length=1, max_length=128)]


class Picture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take a still picture from a camera.

    The picture becomes the step's artifact; a later step that accepts `image/jpeg` is given it.
    """

    controller_id: ControllerId
    camera_id: CameraId


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture that was taken."""

    camera_id: str
    taken_at: Moment
    artifact: ArtifactRef


class Sighting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera saw something."""

    controller_id: SourceId
    device_id: str
    camera_id: str
    camera_name: str
    site_id: SiteId
    occurred_at: Moment
    confidence: Annotated[float | None, Meta(description="How sure the camera is, 0 to 1.")] = None
    zone: Annotated[str | None, Meta(description="The part of the picture it happened in.")] = None


class CameraStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera came or went."""

    controller_id: SourceId
    camera_id: str
    camera_name: str
    site_id: SiteId
    occurred_at: Moment
    reason: str | None = None


class SnapshotCaptured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera kept a picture."""

    controller_id: SourceId
    camera_id: str
    camera_name: str
    site_id: SiteId
    taken_at: Moment


operations = OperationSet("cameras")
operations.declare("snapshot", permission="cameras.view", params=Picture, output=Snapshot, produces=[JPEG])

EVENTS = (
    EventSpec.of("cameras.event.motion", Sighting, title="A camera saw motion", produces=JPEG, driver_missing=True),
    EventSpec.of("cameras.event.person", Sighting, title="A camera saw a person", produces=JPEG, driver_missing=True),
    EventSpec.of("camera.status.online", CameraStatus, title="A camera came online", driver_missing=True),
    EventSpec.of("camera.status.offline", CameraStatus, title="A camera went offline", driver_missing=True),
    EventSpec.of("camera.snapshot.captured", SnapshotCaptured, produces=JPEG, driver_missing=True),
)

CAMERAS = NativeProvider(operations, events=EVENTS)
