"""The driver `rtsp`: cameras that stream."""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from catalog.jsonvalue import Json
from runtime.drivers.cameras.asking import Answers, Ask, ask_all, checks_of, devices_of
from runtime.drivers.cameras.decoders import need
from runtime.drivers.cameras.face import Still
from runtime.drivers.cameras.settings import Login, RtspSettings, StreamPlace, read_stream_url
from runtime.drivers.cameras.streams import is_there, still_of
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import not_found
from runtime.drivers.link import Link

need("av")


class Rtsp:
    """Implements Cameras. What it connects to and decodes is another process's work."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(RtspSettings, link.settings)
        self._login = cast(Login, link.credentials)

    async def check(self) -> Sequence[Check]:
        """Take a picture from every camera."""
        return checks_of(await self._ask_each(self._show), "take a picture of")

    async def devices(self) -> Sequence[Device]:
        """The cameras; one without its stream is offline. Raises FabricError TARGET_* where none has one."""
        names = {camera_id: each.name for camera_id, each in self._settings.cameras.items()}
        return devices_of(await self._ask_each(self._look), names)

    async def snapshot(self, camera_id: str) -> Still:
        """See Cameras. The first picture that can be decoded from now on."""
        return await still_of(self._link, await self.stream(camera_id), self._login, camera_id)

    async def stream(self, camera_id: str) -> StreamPlace:
        """See Cameras."""
        camera = self._settings.cameras.get(camera_id)
        if camera is None:
            known = ", ".join(f"`{each}`" for each in sorted(self._settings.cameras)[:10])
            raise not_found(self._link.target, f"no camera `{camera_id[:64]}`", f"It has {known}.")
        return msgspec.structs.replace(read_stream_url(self._settings.address), path=camera.path)

    async def _ask_each(self, ask: Ask) -> Answers:
        return await ask_all(list(self._settings.cameras), ask)

    async def _look(self, camera_id: str) -> Mapping[str, Json]:
        await is_there(self._link, await self.stream(camera_id), self._login, camera_id)
        return {}

    async def _show(self, camera_id: str) -> Mapping[str, Json]:
        found = await self.snapshot(camera_id)
        return {"width": found.width, "height": found.height}
