"""The driver `onvif`: cameras and recorders that speak ONVIF (profile S): they are asked what they show and where."""

from collections.abc import Mapping, Sequence
from typing import cast

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.drivers.cameras.asking import Answers, ask_all, checks_of, devices_of
from runtime.drivers.cameras.decoders import required
from runtime.drivers.cameras.face import Still
from runtime.drivers.cameras.http_pictures import fetch_still
from runtime.drivers.cameras.onvif_session import Session
from runtime.drivers.cameras.settings import OnvifSettings, StreamPlace
from runtime.drivers.cameras.soap.onvif_device import Profile
from runtime.drivers.cameras.streams import is_there, still_of
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import not_found
from runtime.drivers.link import Link

_NO_PICTURE = ("TARGET_NOT_FOUND", "TARGET_REFUSED")


class Onvif:
    """Implements Cameras. A camera's id is the token of its video source."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(OnvifSettings, link.settings)
        self._session = Session(link)

    async def check(self) -> Sequence[Check]:
        """Ask who it is, then take a picture from every camera."""
        try:
            identity = await self._session.identity()
            profiles = await self._session.profiles()
        except FabricError as error:
            return [Check(name="ask the device", ok=False, detail=error.message, code=error.code, hint=error.hint)]
        told = ", ".join(f"{key} {value}" for key, value in identity.items())
        pictures = await ask_all([each.source for each in profiles], self._show)
        return [Check(name="ask the device", ok=True, detail=told), *checks_of(pictures, "take a picture of")]

    async def devices(self) -> Sequence[Device]:
        """The video sources; one that shows nothing is offline. Raises FabricError TARGET_*."""
        identity = await self._session.identity()
        profiles = {each.source: each for each in await self._session.profiles()}

        async def look(camera_id: str) -> Mapping[str, Json]:
            profile = profiles[camera_id]
            await self._look(profile)
            size = {"width": profile.width, "height": profile.height} if profile.width and profile.height else {}
            return {**identity, **size}

        answers: Answers = await ask_all(list(profiles), look)
        return devices_of(answers, {camera_id: each.name for camera_id, each in self._settings.cameras.items()})

    async def snapshot(self, camera_id: str) -> Still:
        """See Cameras. Where the device has no pictures, its stream's next one."""
        path = self._session.knowledge.pictures.get(camera_id)
        if path is not None:
            try:
                return await fetch_still(self._session.door, self._link.target, path, camera_id)
            except FabricError as error:
                if error.code not in _NO_PICTURE:
                    raise
                # It may have moved; it is asked anew.
                del self._session.knowledge.pictures[camera_id]
        return await self._take(await self._profile(camera_id))

    async def stream(self, camera_id: str) -> StreamPlace | None:
        """See Cameras."""
        return await self._session.stream_place(await self._profile(camera_id))

    async def _take(self, profile: Profile) -> Still:
        path = await self._session.picture_path(profile)
        if path is not None:
            try:
                return await self._fetch(profile, path)
            except FabricError as error:
                # Some have their pictures at another port than the one they are asked at, where nobody goes.
                if error.code not in _NO_PICTURE or await self._session.stream_place(profile) is None:
                    raise
        required(self._link.target, "rtsp", "av")
        return await still_of(self._link, await self._need_stream(profile), self._session.login, profile.source)

    async def _fetch(self, profile: Profile, path: str) -> Still:
        still = await fetch_still(self._session.door, self._link.target, path, profile.source)
        self._session.knowledge.pictures[profile.source] = path
        return still

    async def _look(self, profile: Profile) -> None:
        path = self._session.knowledge.pictures.get(profile.source) or await self._session.picture_path(profile)
        if path is not None:
            try:
                await self._fetch(profile, path)
            except FabricError as error:
                if error.code not in _NO_PICTURE or await self._session.stream_place(profile) is None:
                    raise
            else:
                return
        await is_there(self._link, await self._need_stream(profile), self._session.login, profile.source)

    async def _show(self, camera_id: str) -> Mapping[str, Json]:
        found = await self.snapshot(camera_id)
        return {"width": found.width, "height": found.height}

    async def _need_stream(self, profile: Profile) -> StreamPlace:
        place = await self._session.stream_place(profile)
        if place is None:
            raise not_found(self._link.target, f"neither pictures nor a stream of `{profile.source}`")
        return place

    async def _profile(self, camera_id: str) -> Profile:
        profiles = await self._session.profiles()
        for each in profiles:
            if each.source == camera_id:
                return each
        known = ", ".join(f"`{each.source}`" for each in profiles[:10]) or "none"
        raise not_found(self._link.target, f"no camera `{camera_id[:64]}`", f"It has {known}.")
