"""Fabricksd: a services daemon as a controller. Its operations ask it directly; here it is tried."""

from collections.abc import Sequence

import msgspec

from catalog.errors import FabricError
from runtime.drivers.daemon.place import daemon_at
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import refused
from runtime.drivers.link import Link


class _Info(msgspec.Struct, frozen=True):
    """Of what it answers, what a person wants to see."""

    version: str
    api_version: str
    uptime: str


class Fabricksd:
    """Implements Peer."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def check(self) -> Sequence[Check]:
        """Connect and ask it what it is: one answer proves place, key and version."""
        try:
            return (Check(name="answer", ok=True, detail=await self._told()),)
        except FabricError as error:
            return (Check(name="answer", ok=False, detail=error.message, code=error.code, hint=error.hint),)

    async def devices(self) -> Sequence[Device]:
        """None: what happens to its services it tells by itself."""
        return ()

    async def _told(self) -> str:
        link = self._link
        async with link.reaching("the question what it is"):
            answer = await daemon_at(link.target, link.ports).ask("GET", "daemon/info", seconds=link.seconds)
        try:
            info = msgspec.convert(answer, _Info)
        except msgspec.ValidationError:
            raise refused(link.target, "what it says of itself is no services daemon's") from None
        return f"version {info.version}, API {info.api_version}, up {info.uptime}"
