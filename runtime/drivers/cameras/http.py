"""The driver `http`: cameras that answer a request with a JPEG."""

from collections.abc import Mapping, Sequence
from typing import cast

from catalog.jsonvalue import Json
from runtime.drivers.cameras.asking import Answers, ask_all, checks_of, devices_of
from runtime.drivers.cameras.door import Door
from runtime.drivers.cameras.face import Still
from runtime.drivers.cameras.http_pictures import fetch_still
from runtime.drivers.cameras.settings import HttpSettings, Login, StreamPlace
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import not_found
from runtime.drivers.link import Link


class Http:
    """Implements Cameras."""

    def __init__(self, link: Link) -> None:
        self._target = link.target
        self._settings = cast(HttpSettings, link.settings)
        self._door = Door(link, self._settings.address, cast(Login, link.credentials))

    async def check(self) -> Sequence[Check]:
        """Take a picture from every camera."""
        return checks_of(await self._ask(), "take a picture of")

    async def devices(self) -> Sequence[Device]:
        """The cameras; one that gives no picture is offline. Raises FabricError TARGET_* where none gives one."""
        names = {camera_id: each.name for camera_id, each in self._settings.cameras.items()}
        return devices_of(await self._ask(), names)

    async def snapshot(self, camera_id: str) -> Still:
        """See Cameras."""
        camera = self._settings.cameras.get(camera_id)
        if camera is None:
            known = ", ".join(f"`{each}`" for each in sorted(self._settings.cameras)[:10])
            raise not_found(self._target, f"no camera `{camera_id[:64]}`", f"It has {known}.")
        return await fetch_still(self._door, self._target, camera.path, camera_id)

    async def stream(self, camera_id: str) -> StreamPlace | None:
        """It has pictures alone."""
        return None

    async def _ask(self) -> Answers:
        return await ask_all(list(self._settings.cameras), self._look)

    async def _look(self, camera_id: str) -> Mapping[str, Json]:
        found = await self.snapshot(camera_id)
        return {"width": found.width, "height": found.height}
