"""Writes about volumes: `volumes.create`, `volumes.delete`."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.changes import Change
from catalog.errors import Conflict
from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.providers.daemons import daemon_of, find, request, segment, send, told
from runtime.providers.fields import ControllerId, Time
from runtime.providers.volumes.reads import Size

operations = OperationSet("volumes")

MANAGE = "volumes.manage"


class Backup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a volume is copied, where to, and how long copies are kept."""

    enabled: bool = True
    schedule: Annotated[str | UnsetType, Meta(description="A cron expression.")] = UNSET
    retention: Annotated[str | UnsetType, Meta(description="Such as `30d`.")] = UNSET
    destination: Annotated[str | UnsetType, Meta(description="`file:///absolute/path`.")] = UNSET


class Creation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new volume."""

    controller_id: ControllerId
    name: Annotated[str, Meta(min_length=1, max_length=256)]
    size: Size
    type: Literal["persistent", "ephemeral"] = "persistent"
    access_mode: Literal["read-write-once", "read-only-many", "read-write-many"] = "read-write-once"
    storage_class: str | UnsetType = UNSET
    encrypted: bool = False
    backup: Backup | UnsetType = UNSET


class Removal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which volume goes, with what is in it."""

    controller_id: ControllerId
    volume: Annotated[str, Meta(description="The volume's name or id.", min_length=1, max_length=256)]
    force: Annotated[bool, Meta(description="Even while services have it.")] = False


class Made(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The volume that was created."""

    id: str
    name: str
    size: Size
    created_at: Time


class Deleted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The volume that was."""

    id: str
    deleted_at: Time


@operations.write("create", permission=MANAGE, title="Create a volume")
class CreateVolume:
    """Create a volume."""

    async def plan(self, params: Creation, call: Call) -> Change:
        """Nothing before, the volume after.

        Raises Invalid INVALID_REQUEST, Conflict INVALID_STATE where there is one of that name.
        """
        body: dict[str, Json] = msgspec.to_builtins(params)
        del body["controller_id"]
        # Who only lists operations needs no daemon's state.
        from runtime.daemon.volumes import read_volume  # noqa: PLC0415

        read_volume(body)
        if await find(f"volumes/{segment(params.name)}", call) is not None:
            raise Conflict("INVALID_STATE", f"There is a volume `{params.name}` already.")
        return Change(
            target_id=params.name,
            request=request("POST", "volumes", body=body),
            after=body,
            precondition={"volume": None},
            summary=f"Create volume `{params.name}` of {params.size}.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Is there none of that name?"""
        present = await find(f"volumes/{segment(change.target_id)}", call)
        return {"volume": None if present is None else present["id"]}

    async def apply(self, change: Change, call: Call) -> Made:
        """Create it."""
        return told(await send(change, call), Made)


@operations.write("delete", permission=MANAGE, title="Delete a volume")
class DeleteVolume:
    """Delete a volume with its files, and with those of its backups that have no destination of their own."""

    async def plan(self, params: Removal, call: Call) -> Change:
        """The volume before, nothing after. Raises NotFound VOLUME_NOT_FOUND."""
        before = await daemon_of(call).ask("GET", f"volumes/{segment(params.volume)}")
        return Change(
            target_id=before["id"],
            request=request(
                "DELETE", f"volumes/{segment(before['id'])}", query={"force": "true"} if params.force else None
            ),
            before=before,
            precondition=_standing(before),
            summary=f"Delete volume `{before['name']}` with {before['used']} in it, which"
            f" {len(before['mounted_by'])} services have mounted; backups without a destination go with it.",
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """Who has the volume now."""
        present = await find(f"volumes/{segment(change.target_id)}", call)
        return {"volume": None} if present is None else _standing(present)

    async def apply(self, change: Change, call: Call) -> Deleted:
        """Delete it. Raises Conflict INVALID_STATE where services have it and it is not by force."""
        return told(await send(change, call), Deleted)


def _standing(volume: Json) -> Json:
    """What its files are used for; how many bytes they are moves all the time."""
    return {"volume": volume["id"], "mounted_by": volume["mounted_by"]}
