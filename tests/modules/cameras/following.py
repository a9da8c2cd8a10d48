"""Following cameras as the pollers do, and what they tell."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from catalog.registry import Registry
from catalog.schemas import validator
from runtime.pollers.sightings import Sightings
from runtime.pollers.watch import Happening, Watched
from runtime.providers import NATIVE
from tests.modules.cameras.calling import Caller

SECONDS = 15.0


class Followed:
    """What was told until now."""

    def __init__(self) -> None:
        self._events = Registry(NATIVE).current().events
        self._came = asyncio.Condition()
        self.happenings: list[Happening] = []

    async def tell(self, happenings: Sequence[Happening]) -> None:
        """As the pollers take it."""
        for each in happenings:
            spec = self._events[each.type]
            assert validator(spec.payload_schema)(each.payload), each
            assert each.artifact is not None
            assert each.artifact.media_type == spec.produces
        async with self._came:
            self.happenings += happenings
            self._came.notify_all()

    async def wait_for(self, kind: str, camera_id: str = "porch") -> Happening:
        """The first of that kind from that camera."""

        def find() -> list[Happening]:
            return [each for each in self.happenings if each.type == kind and each.payload["camera_id"] == camera_id]

        async with asyncio.timeout(SECONDS), self._came:
            await self._came.wait_for(find)
            return find()[0]


@asynccontextmanager
async def following(caller: Caller) -> AsyncIterator[Followed]:
    """Follow that controller's cameras meanwhile."""
    followed = Followed()
    watched = Watched(
        target=caller.target, ports=caller.ports, memory=None, now=time.time(), deadline=float("inf"), failures=0
    )
    assert Sightings().wanted(caller.target)
    task = asyncio.create_task(Sightings().follow(watched, followed.tell))
    try:
        yield followed
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
