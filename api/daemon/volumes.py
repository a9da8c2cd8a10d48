"""/v1/volumes: directories with a size that services share, and their backups."""

import msgspec

from api.daemon.endpoint import Answer, Asked, Document, Endpoint, NoQuery
from api.daemon.shown_volume import listed, shown, shown_copy
from api.daemon.times import stamp
from catalog.jsonvalue import Json
from runtime.daemon.volumes import read_volume
from runtime.daemon.volumes.verifying import verify
from runtime.forms.scalars import print_bytes

COPY_SECONDS = 6 * 3600.0
"""How long a backup and its way back may take; both go on if the caller goes."""


class DeleteQuery(msgspec.Struct, frozen=True, kw_only=True):
    """With `force` also while services have it."""

    force: bool = False


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Which backup, by name; left out, the newest."""

    backup: str | None = None


async def create_volume(asked: Asked[Document, NoQuery]) -> Answer:
    """Make a volume."""
    volume = await asked.daemon.volumes.create(read_volume(asked.body))
    made = {
        "id": volume.id,
        "name": volume.spec.name,
        "size": print_bytes(volume.spec.size),
        "created_at": stamp(volume.created_at_ns),
    }
    return Answer(made, 201)


async def list_volumes(asked: Asked[None, NoQuery]) -> Answer:
    """Volumes, the oldest first, and what they hold."""
    volumes = asked.daemon.volumes
    return Answer({"volumes": [listed(volumes, each) for each in volumes.list()]})


async def get_volume(asked: Asked[None, NoQuery]) -> Answer:
    """A volume, who has it mounted, when it is copied and how it is kept."""
    volumes = asked.daemon.volumes
    return Answer(shown(volumes, volumes.get(asked.path["id"])))


async def delete_volume(asked: Asked[None, DeleteQuery]) -> Answer:
    """Remove a volume with its files, if no service has it, or with `force` whoever has it."""
    volume = await asked.daemon.volumes.delete(asked.path["id"], force=asked.query.force)
    return Answer({"id": volume.id, "deleted_at": stamp(asked.daemon.clock.now_ns())})


async def list_backups(asked: Asked[None, NoQuery]) -> Answer:
    """A volume's backups, the oldest first."""
    volume = asked.daemon.volumes.get(asked.path["id"])
    return Answer({"id": volume.id, "backups": [shown_copy(each) for each in volume.copies]})


async def back_up_volume(asked: Asked[Document, NoQuery]) -> Answer:
    """Copy a volume now; files that change meanwhile are in it as they were when they were read."""
    asked.allow(COPY_SECONDS)
    volume = asked.daemon.volumes.get(asked.path["id"])
    copy = await asked.daemon.volumes.backup(volume.id)
    return Answer({"id": volume.id, "backup": shown_copy(copy)}, 201)


async def restore_volume(asked: Asked[Which, NoQuery]) -> Answer:
    """Put a verified backup in the place of what a volume holds, while no service has it."""
    asked.allow(COPY_SECONDS)
    volume = asked.daemon.volumes.get(asked.path["id"])
    copy = await asked.daemon.volumes.restore(volume.id, asked.body.backup)
    return Answer({"id": volume.id, "backup": copy.name, "restored_at": stamp(asked.daemon.clock.now_ns())})


async def verify_backup(asked: Asked[Which, NoQuery]) -> Answer:
    """Read a backup again and compare it with what was written; whoever finds it damaged still has time."""
    asked.allow(COPY_SECONDS)
    volume = asked.daemon.volumes.get(asked.path["id"])
    verdict = await verify(asked.daemon.volumes, volume.id, asked.body.backup)
    found = {"backup": verdict.backup, "verified": verdict.reason is None, "reason": verdict.reason}
    return Answer({"id": volume.id, **found, "checked_at": stamp(asked.daemon.clock.now_ns())})


def _endpoint(method: str, path: str, handler: Json, *, gives: int = 200, owned: bool = True) -> Endpoint:
    return Endpoint(method=method, path=f"/v1/volumes{path}", handler=handler, gives={gives: dict}, owned=owned)


ENDPOINTS = (
    _endpoint("POST", "", create_volume, gives=201),
    _endpoint("GET", "", list_volumes, owned=False),
    _endpoint("GET", "/{id}", get_volume, owned=False),
    _endpoint("DELETE", "/{id}", delete_volume),
    _endpoint("GET", "/{id}/backups", list_backups, owned=False),
    _endpoint("POST", "/{id}/backup", back_up_volume, gives=201),
    _endpoint("POST", "/{id}/verify", verify_backup, owned=False),
    _endpoint("POST", "/{id}/restore", restore_volume),
)
