"""What can be done with a stream, wherever its place is known from: is it there, and what does it show."""

import asyncio
import ssl
from pathlib import Path

from msgspec import UNSET

from runtime.drivers.cameras.describing import describe
from runtime.drivers.cameras.eye.job import Job, Source
from runtime.drivers.cameras.eyes import eyes_of
from runtime.drivers.cameras.face import Still
from runtime.drivers.cameras.http_pictures import checked_still
from runtime.drivers.cameras.settings import Login, StreamPlace
from runtime.drivers.cameras.unseen import seeing
from runtime.drivers.failures import unreachable
from runtime.drivers.link import Link
from runtime.egress.trust import LONGEST
from runtime.plain_files import read_plain


async def source_of(link: Link, place: StreamPlace, login: Login) -> Source:
    """The stream, with the addresses that may be connected to. Raises FabricError URL_*, SSRF_*, TARGET_UNREACHABLE."""
    addresses = await link.ports.http.pin(place.host, place.port)
    ca_file = getattr(link.settings, "ca_file", UNSET)
    authorities = "" if ca_file is UNSET else await asyncio.to_thread(_read, link, ca_file)
    return Source(
        scheme=place.scheme,
        host=place.host,
        port=place.port,
        path=place.path,
        addresses=tuple(addresses),
        username=login.username,
        password=login.password,
        authorities=authorities,
    )


async def is_there(link: Link, place: StreamPlace, login: Login, camera_id: str) -> None:
    """Return if the camera describes that stream. Raises FabricError TARGET_*."""
    async with seeing(link, camera_id, f"about `{camera_id}`"):
        await describe(await source_of(link, place, login))


async def still_of(link: Link, place: StreamPlace, login: Login, camera_id: str) -> Still:
    """The next picture of that stream. Raises FabricError TARGET_*."""
    async with seeing(link, camera_id, f"for a picture of `{camera_id}`"):
        source = await source_of(link, place, login)
        with eyes_of(link).looking(link.target) as eye:
            await eye.give(Job(kind="still", source=source, seconds=max(0.1, link.seconds)))
            told, picture = await eye.told()
        return checked_still(link.target, picture, camera_id, told.at)


def _read(link: Link, ca_file: str) -> str:
    try:
        authorities = read_plain(Path(ca_file), LONGEST).decode()
        ssl.create_default_context(cadata=authorities)
    except (OSError, ValueError):
        raise unreachable(link.target, "`ca_file` names no file of certificates that can be read") from None
    return authorities
