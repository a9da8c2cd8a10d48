"""Events of the platform itself: staged changes, devices, and the inbound bridge."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from catalog.jsonvalue import Json
from runtime.providers.fields import SiteId
from runtime.providers.native import NativeProvider


class ChangeMoved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A staged change moved on."""

    change_id: UUID
    controller_id: UUID
    feature: Annotated[str, Meta(description="The operation's id.")]
    operation: Annotated[str, Meta(description="Its verb: what follows the last dot.")]
    target_id: Annotated[str, Meta(description="What on the controller is changed.")]
    vendor: Annotated[str, Meta(description="The controller's driver.")]
    status: Annotated[str, Meta(description="The state it is now in.")]
    site_id: SiteId
    applied_at: Annotated[str | None, Meta(description="RFC 3339; null unless it was applied.")]
    actor_id: Annotated[str, Meta(description="Who decided on it, or staged it where nobody has decided.")]


Kind = Annotated[str | None, Meta(description="What it is, such as `camera`, `machine`, `phone` or `controller`.")]
Facts = Annotated[dict[str, Json], Meta(description="Its record: address, model, firmware and the like.")]


class StatusData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device before and after."""

    name: str
    old_status: str
    new_status: str
    reason: str | None = None
    kind: Kind = None
    facts: Facts = {}


class DeviceData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device as its record says now; statuses where they changed."""

    name: str
    old_status: str | None = None
    new_status: str | None = None
    reason: str | None = None
    kind: Kind = None
    facts: Facts = {}
    changed: Annotated[list[str], Meta(description="The parts of its record that differ from before.")] = []


class DeviceStatusChanged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A managed device went online or offline."""

    device_id: str
    site_id: SiteId
    controller_id: Annotated[str | None, Meta(description="The controller that manages it.")] = None
    data: StatusData


class DeviceDiscovered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new device was discovered or adopted."""

    device_id: str
    site_id: SiteId
    controller_id: Annotated[str | None, Meta(description="The controller that manages it.")] = None
    data: DeviceData


class DeviceUpdated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A managed device's record changed (rename, new address, firmware)."""

    device_id: str
    site_id: SiteId
    controller_id: Annotated[str | None, Meta(description="The controller that manages it.")] = None
    data: DeviceData


class Ingested(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An external system called `POST /api/v1/fabric/ingest`."""

    name: Annotated[str, Meta(description="The callback's name: a-z, 0-9, `_` and `-`, at most 64 characters.")]
    payload: Annotated[Json, Meta(description="What was sent, as it was sent.")]


_CHANGE_STATES = {
    "staged": "A write landed in the queue of pending changes",
    "applying": "A person is having a staged write applied",
    "applied": "A staged write was applied to its target",
    "failed": "A staged write failed at its target or on the way",
    "unknown": "A staged write was sent and no answer came: somebody must look",
    "drifted": "A staged write was not sent, for its target had moved",
    "rejected": "A person rejected a staged write",
    "expired": "A staged write waited too long for a decision",
    "superseded": "A staged write gave way to that of a newer run",
}

EVENTS = (
    *(EventSpec.of(f"controller.change.{state}", ChangeMoved, title=title) for state, title in _CHANGE_STATES.items()),
    EventSpec.of("device.status.changed", DeviceStatusChanged),
    EventSpec.of("device.discovered", DeviceDiscovered),
    EventSpec.of("device.updated", DeviceUpdated),
    EventSpec.of("ingest.external", Ingested),
)

PLATFORM = NativeProvider(events=EVENTS)
