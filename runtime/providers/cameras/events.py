"""What cameras see and what becomes of them, as events."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from runtime.providers.cameras.fields import JPEG
from runtime.providers.fields import Moment, SiteId, SourceId


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


EVENTS = (
    EventSpec.of("cameras.event.motion", Sighting, title="A camera saw motion", produces=JPEG),
    EventSpec.of("cameras.event.person", Sighting, title="A camera saw a person", produces=JPEG),
    EventSpec.of("camera.status.online", CameraStatus, title="A camera came online"),
    EventSpec.of("camera.status.offline", CameraStatus, title="A camera went offline"),
    EventSpec.of("camera.snapshot.captured", SnapshotCaptured, produces=JPEG),
)
