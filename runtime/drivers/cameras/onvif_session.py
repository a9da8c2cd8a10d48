"""Session: questions to one ONVIF device, through the guarded way out, and what is worth remembering of its answers.

The places that a device names are never followed as they stand: their paths are asked for at its address.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from catalog.errors import FabricError
from runtime.drivers.cameras.door import Door
from runtime.drivers.cameras.settings import Login, OnvifSettings, StreamPlace, read_stream_url
from runtime.drivers.cameras.soap.envelope import Fault, read_answer, request
from runtime.drivers.cameras.soap.onvif_device import (
    WHAT_TIME,
    WHERE_IS_MEDIA,
    WHICH_PROFILES,
    WHO,
    Profile,
    identity_of,
    media_place_of,
    profiles_of,
    time_of,
    uri_of,
    where_is_its_picture,
    where_is_its_stream,
)
from runtime.drivers.cameras.soap.token import username_token
from runtime.drivers.failures import auth_failed, refused
from runtime.drivers.link import Link

_HEADERS = {"Content-Type": "application/soap+xml; charset=utf-8", "Accept": "application/soap+xml"}


class Knowledge:
    """What is remembered of a device while it is asked now and then."""

    def __init__(self) -> None:
        self.ahead: float | None = None
        self.media_path = ""
        self.pictures: dict[str, str] = {}


class Session:
    """Asks one device for one call. Raises FabricError TARGET_*."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(OnvifSettings, link.settings)
        self.login = cast(Login, link.credentials)
        parts = urlsplit(self._settings.address)
        self._host = parts.hostname or ""
        self.door = Door(link, f"{parts.scheme}://{parts.netloc}", self.login)
        place = (link.target.id, self._settings.address, self._settings.device_path, self.login)
        key = ("cameras", "onvif", *place[:3], self.login.username, self.login.password)
        self.knowledge = link.ports.residents.keep(key, Knowledge, lambda _: None)

    async def identity(self) -> Mapping[str, str]:
        """Who it is."""
        return identity_of(await self._ask_device(WHO, "who it is"))

    async def profiles(self) -> Sequence[Profile]:
        """The best profile of each video source."""
        found: dict[str, Profile] = {}
        for each in profiles_of(await self._ask_media(WHICH_PROFILES, "for its profiles")):
            found.setdefault(each.source, each)
        return list(found.values())

    async def picture_path(self, profile: Profile) -> str | None:
        """Path and query of its snapshot; None: it has none."""
        answer = await self._try_media(where_is_its_picture(profile), "for the place of its picture")
        uri = "" if isinstance(answer, Fault) else uri_of(answer)
        return _path_of(uri) if uri else None

    async def stream_place(self, profile: Profile) -> StreamPlace | None:
        """Its stream at the device's own host; None: it has none."""
        answer = await self._try_media(where_is_its_stream(profile), "for the place of its stream")
        uri = "" if isinstance(answer, Fault) else uri_of(answer)
        if not uri:
            return None
        try:
            # What it calls itself may be another network's name for it, and never is a reason to go elsewhere.
            port = urlsplit(uri).port
            own = f"[{self._host}]" if ":" in self._host else self._host
            scheme = "rtsps" if uri.lower().startswith("rtsps:") else "rtsp"
            return read_stream_url(f"{scheme}://{own}{f':{port}' if port else ''}{_path_of(uri)}")
        except ValueError:
            raise refused(self._link.target, "the place it names for its stream is none") from None

    async def _ask_media(self, body: str, what: str) -> Element:
        return self._granted(await self._try_media(body, what), what)

    async def _try_media(self, body: str, what: str) -> Element | Fault:
        if not self.knowledge.media_path:
            answer = await self._ask_device(WHERE_IS_MEDIA, "for its services")
            self.knowledge.media_path = _path_of(media_place_of(answer)) or self._settings.device_path
        answer_or_fault = await self._ask(self.knowledge.media_path, body, what)
        if isinstance(answer_or_fault, Fault) and not answer_or_fault.unable:
            self._granted(answer_or_fault, what)
        return answer_or_fault

    async def _ask_device(self, body: str, what: str) -> Element:
        return self._granted(await self._ask(self._settings.device_path, body, what), what)

    def _granted(self, answer: Element | Fault, what: str) -> Element:
        if not isinstance(answer, Fault):
            return answer
        if answer.unauthorized:
            raise auth_failed(self._link.target)
        raise refused(self._link.target, f"it answers with a fault when asked {what}")

    async def _ask(self, path: str, body: str, what: str) -> Element | Fault:
        token = ""
        if self.login.username:
            moment = time.time() + await self._ahead()
            token = username_token(
                self.login.username, self.login.password, nonce=secrets.token_bytes(16), moment=moment
            )
        return await self._send(path, request(body, token), what)

    async def _ahead(self) -> float:
        """How far its clock is ahead of ours: it takes no token that seems old to it."""
        if self.knowledge.ahead is None:
            self.knowledge.ahead = 0.0
            try:
                answer = await self._send(self._settings.device_path, request(WHAT_TIME), "what time it is")
            except FabricError as error:
                if error.code != "TARGET_AUTH_FAILED":
                    self.knowledge.ahead = None
                    raise
                return 0.0
            told = None if isinstance(answer, Fault) else time_of(answer)
            self.knowledge.ahead = 0.0 if told is None else told - time.time()
        return self.knowledge.ahead

    async def _send(self, path: str, body: bytes, what: str) -> Element | Fault:
        came = await self.door.ask(path, what, method="POST", headers=_HEADERS, body=body)
        if came.status not in (200, 400, 403, 500):
            raise refused(self._link.target, f"it answers {came.status} when asked {what}", _NOT_ONVIF)
        try:
            return read_answer(came.body)
        except ValueError as error:
            raise refused(self._link.target, f"{error} when asked {what}", _NOT_ONVIF) from None


_NOT_ONVIF = "Is ONVIF switched on there, and is `device_path` right?"


def _path_of(url: str) -> str:
    """Path and query of a URL that a device named, without anything that would end a request's line."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return path if url and path.isascii() and path.isprintable() and " " not in path else ""
