"""Camera snapshots: a picture now and then, `camera.snapshot.captured`, where a camera's settings ask for it."""

import asyncio
from typing import cast
from uuid import UUID

import msgspec

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.cameras.face import Cameras
from runtime.drivers.cameras.limits import AT_ONCE
from runtime.drivers.cameras.settings import Watching
from runtime.drivers.cameras.watched import cameras_in
from runtime.drivers.opening import link_of, open_peer
from runtime.pollers.watch import Happening, Rhythm, Seen, Watched
from runtime.providers.cameras.events import SnapshotCaptured
from runtime.providers.cameras.fields import JPEG, moment

LEAST_SECONDS = 5.0
DUE = 0.8
"""A picture is due from this part of its interval on: looks come a tenth earlier or later than they are meant to."""


class CameraSnapshots:
    """Implements Poll. Remembered is when each camera's last picture was taken."""

    name = "camera_snapshots"

    def rhythm(self, target: Target) -> Rhythm | None:
        """As often as the camera that is to be taken most often."""
        wanted = [each.snapshot_every for each in cameras_in(target).values() if each.snapshot_every > 0]
        return Rhythm(every=max(LEAST_SECONDS, min(wanted)), deadline=60.0) if wanted else None

    async def look(self, watched: Watched) -> Seen:
        """Take what is due. Raises the first FabricError where nothing that is due could be taken."""
        taken = msgspec.convert(watched.memory or {}, dict[str, float])
        due = {
            camera_id: each
            for camera_id, each in cameras_in(watched.target).items()
            if _due(each, camera_id, taken, watched.now)
        }
        places = asyncio.Semaphore(AT_ONCE)

        async def one(camera_id: str, camera: Watching) -> Happening | FabricError:
            async with places:
                try:
                    return await _captured(watched, camera_id, camera)
                except FabricError as error:
                    return error

        found = await asyncio.gather(*(one(*each) for each in due.items()))
        happenings = {key: each for key, each in zip(due, found, strict=True) if isinstance(each, Happening)}
        errors = [each for each in found if isinstance(each, FabricError)]
        if errors and not happenings:
            raise errors[0]
        present = cameras_in(watched.target)
        kept = {key: at for key, at in taken.items() if key in present} | dict.fromkeys(happenings, watched.now)
        return Seen(happenings=tuple(happenings.values()), memory=cast(Json, kept))

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """That a camera is away is told as `camera.status.offline`."""
        return None


def _due(camera: Watching, camera_id: str, taken: dict[str, float], now: float) -> bool:
    return camera.snapshot_every > 0 and now - taken.get(camera_id, 0.0) >= DUE * camera.snapshot_every


async def _captured(watched: Watched, camera_id: str, camera: Watching) -> Happening:
    target = watched.target
    peer = cast(Cameras, open_peer(link_of(target, watched.ports, watched.deadline)))
    still = await peer.snapshot(camera_id)
    payload = SnapshotCaptured(
        controller_id=UUID(target.id),
        camera_id=camera_id,
        camera_name=camera.name or camera_id,
        site_id=target.site_id,
        taken_at=moment(still.taken_at),
    )
    return Happening(
        type="camera.snapshot.captured",
        payload=msgspec.to_builtins(payload),
        key=f"camera.snapshot.captured {camera_id}",
        artifact=await watched.ports.artifacts.put(still.content, JPEG),
    )
