"""Sight: one camera, watched without a pause by an eye of its own, through its stream or picture after picture."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from catalog.provider import Ports, Target
from runtime.drivers.cameras.decoders import required
from runtime.drivers.cameras.eye.job import Attention, Job, Told, Unseen
from runtime.drivers.cameras.eyes import Eye
from runtime.drivers.cameras.face import Cameras
from runtime.drivers.cameras.settings import Login, StreamPlace
from runtime.drivers.cameras.streams import source_of
from runtime.drivers.cameras.unseen import seeing, translated
from runtime.drivers.link import Link
from runtime.drivers.opening import link_of, open_peer

Saw = Callable[[Told, bytes], Awaitable[None]]
"""Something was seen, and this is the picture that showed it."""

QUIET_SECONDS = 30.0
"""An eye that says nothing for so long looks no more: it is ended."""


class Sight:
    """Watches cameras of one controller."""

    def __init__(self, target: Target, ports: Ports) -> None:
        self._target = target
        self._ports = ports

    async def watch(self, camera_id: str, attention: Attention, saw: Saw) -> None:
        """Watch until cancelled. Raises FabricError TARGET_*, DRIVER_MISSING where it cannot go on."""
        required(self._target, "motion", "av", "cv2", "numpy")
        link, peer = self._open()
        place = await peer.stream(camera_id)
        if place is None:
            await self._by_pictures(camera_id, attention, saw)
        else:
            await self._by_stream(link, place, camera_id, attention, saw)

    async def _by_stream(self, link: Link, place: StreamPlace, camera_id: str, attention: Attention, saw: Saw) -> None:
        async with seeing(link, camera_id, f"about `{camera_id}`"):
            source = await source_of(link, place, cast(Login, link.credentials))
        eye = Eye(warm=False)
        try:
            await eye.give(Job(kind="watch", source=source, attention=attention, seconds=link.seconds))
            while True:
                async with asyncio.timeout(QUIET_SECONDS):
                    told, picture = await eye.told()
                if told.kind != "looked":
                    await saw(told, picture)
        except Unseen as unseen:
            raise translated(self._target, camera_id, unseen, QUIET_SECONDS) from None
        except TimeoutError:
            raise translated(self._target, camera_id, Unseen("silent"), QUIET_SECONDS) from None
        finally:
            eye.end()

    async def _by_pictures(self, camera_id: str, attention: Attention, saw: Saw) -> None:
        loop = asyncio.get_running_loop()
        eye = Eye(warm=False)
        try:
            await eye.give(Job(kind="watch", attention=attention))
            while True:
                due = loop.time() + 1 / attention.frames_per_second
                still = await self._open()[1].snapshot(camera_id)
                await self._show(eye, still.content, saw)
                await asyncio.sleep(due - loop.time())
        except Unseen as unseen:
            raise translated(self._target, camera_id, unseen, QUIET_SECONDS) from None
        except TimeoutError:
            raise translated(self._target, camera_id, Unseen("broken"), QUIET_SECONDS) from None
        finally:
            eye.end()

    async def _show(self, eye: Eye, picture: bytes, saw: Saw) -> None:
        async with asyncio.timeout(QUIET_SECONDS):
            await eye.give({}, picture)
            seen = []
            while (found := await eye.told())[0].kind != "looked":
                seen.append(found)
        for told, shown in seen:
            await saw(told, shown)

    def _open(self) -> tuple[Link, Cameras]:
        link = link_of(self._target, self._ports, float("inf"))
        return link, cast(Cameras, open_peer(link))
