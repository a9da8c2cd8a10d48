"""Volumes of a daemon, looked at: what they hold, who has them, when they are copied."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, segment, told
from runtime.providers.fields import ControllerId, Count, Time

operations = OperationSet("volumes")

VIEW = "volumes.view"

Size = Annotated[str, Meta(description="Such as `50Gi`.")]


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One volume."""

    controller_id: ControllerId
    volume: Annotated[str, Meta(description="The volume's name or id.", min_length=1, max_length=256)]


class All(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A daemon's volumes."""

    controller_id: ControllerId


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A volume in short."""

    id: str
    name: str
    size: Size
    used: Size
    mount_count: Count
    created_at: Time


class VolumeList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Volumes, the oldest first."""

    volumes: list[Listed]


class Encryption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`at_rest`: is it encrypted at this moment? `scope`: what is, and what is not."""

    at_rest: bool
    scope: str


class Mount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has it."""

    service_id: str
    mount_point: str
    read_only: bool


class Backups(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When it is copied, and what there is."""

    enabled: bool
    last_backup: Time = None
    next_backup: Time = None
    schedule: str
    retention: str
    destination: str | None = None
    count: Count


class VolumeShown(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A volume, who has it mounted, when it is copied and how it is kept."""

    id: str
    name: str
    size: Size
    used: Size
    encrypted: bool
    encryption: Encryption
    type: str
    access_mode: str
    project: str | None = None
    mounted_by: list[Mount]
    backups: Backups
    created_at: Time


@operations.read("list", permission=VIEW, title="List volumes")
async def list_volumes(_all: All, call: Call) -> VolumeList:
    """Volumes of a daemon, the oldest first, and what they hold."""
    return told(await daemon_of(call).ask("GET", "volumes"), VolumeList)


@operations.read("get", permission=VIEW, title="Show a volume")
async def get_volume(which: Which, call: Call) -> VolumeShown:
    """A volume, who has it mounted and when it is copied."""
    return told(await daemon_of(call).ask("GET", f"volumes/{segment(which.volume)}"), VolumeShown)
