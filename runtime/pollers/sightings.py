"""Sightings: what cameras see, `cameras.event.motion` and `cameras.event.person`, with the picture that showed it."""

import asyncio
from uuid import UUID

import msgspec
import structlog

from catalog.artifacts import ArtifactRef
from catalog.errors import FabricError
from catalog.provider import Target
from runtime.drivers.cameras.eye.job import Attention, Told
from runtime.drivers.cameras.http_pictures import checked_still
from runtime.drivers.cameras.settings import Watching
from runtime.drivers.cameras.sight import Sight
from runtime.drivers.cameras.watched import attention_of, cameras_in
from runtime.pollers.rests import until_next
from runtime.pollers.watch import Happening, Tell, Watched
from runtime.providers.cameras.events import Sighting
from runtime.providers.cameras.fields import JPEG, moment

_log = structlog.get_logger()

REST_SECONDS = 2.0
"""Before a camera that could not be watched is tried again; it doubles while that goes on."""

WELL_SECONDS = 60.0
"""A camera that was watched for so long counts as one that works."""


class Sightings:
    """Implements Follow: every camera whose settings ask for it is watched by a process of its own."""

    name = "sightings"

    def wanted(self, target: Target) -> bool:
        """Is any of its cameras to be watched?"""
        return any(attention_of(each) is not None for each in cameras_in(target).values())

    async def follow(self, watched: Watched, tell: Tell) -> None:
        """Watch them all; one that cannot be watched is in no other's way."""
        async with asyncio.TaskGroup() as group:
            for camera_id, camera in cameras_in(watched.target).items():
                attention = attention_of(camera)
                if attention is not None:
                    group.create_task(self._stay(watched, camera_id, camera, attention, tell))

    async def _stay(self, watched: Watched, camera_id: str, camera: Watching, attention: Attention, tell: Tell) -> None:
        """Watch one camera, and begin anew whenever that ends."""
        target = watched.target
        loop = asyncio.get_running_loop()
        failures = 0

        async def saw(told: Told, picture: bytes) -> None:
            still = checked_still(target, picture, camera_id, told.at)
            artifact = await watched.ports.artifacts.put(still.content, JPEG)
            await tell([_happening(target, camera_id, camera, told, artifact)])

        while True:
            began = loop.time()
            try:
                await Sight(target, watched.ports).watch(camera_id, attention, saw)
            except FabricError as error:
                failures = 1 if loop.time() - began > WELL_SECONDS else failures + 1
                if failures == 1:
                    _log.warning("camera_unwatched", controller=target.id, camera=camera_id, code=error.code)
            await asyncio.sleep(until_next(REST_SECONDS, failures, 0.5))


def _happening(target: Target, camera_id: str, camera: Watching, told: Told, artifact: ArtifactRef) -> Happening:
    kind = f"cameras.event.{told.kind}"
    sighting = Sighting(
        controller_id=UUID(target.id),
        device_id=camera_id,
        camera_id=camera_id,
        camera_name=camera.name or camera_id,
        site_id=target.site_id,
        occurred_at=moment(told.at),
        confidence=told.confidence,
        zone=told.zone,
    )
    payload = msgspec.to_builtins(sighting)
    return Happening(type=kind, payload=payload, key=f"{kind} {camera_id} {told.at:.6f}", artifact=artifact)
