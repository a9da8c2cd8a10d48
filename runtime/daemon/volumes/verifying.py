"""Verifying: reading a backup again, to know that it could be brought back before it has to be."""

import asyncio

import msgspec

from catalog.errors import FabricError
from runtime.daemon.volumes.copies import check_copy, find_copy
from runtime.daemon.volumes.volumes import Volumes


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` says why the backup named `backup` is not what was written; None: it is."""

    backup: str
    reason: str | None = None


async def verify(volumes: Volumes, id_or_name: str, backup: str | None = None) -> Verdict:
    """Read a backup, the newest without a name, and compare it with what was written.

    Raises NotFound VOLUME_NOT_FOUND, BACKUP_NOT_FOUND, also for one that goes meanwhile.
    """
    volume = volumes.get(id_or_name)
    copy = find_copy(volume, backup)
    try:
        await asyncio.to_thread(check_copy, volume, copy)
    except FabricError as error:
        # One whose time is over is removed while it is read: that is no damage.
        find_copy(volumes.get(volume.id), copy.name)
        return Verdict(backup=copy.name, reason=error.message)
    return Verdict(backup=copy.name)
