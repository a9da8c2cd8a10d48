"""A world for volumes: a state, a bus, a clock that stands still, and restarts, clean and not."""

import asyncio
from pathlib import Path

from runtime.daemon.events import EventBus
from runtime.daemon.spec import VolumeSpec, VolumeUse
from runtime.daemon.volumes import Volumes
from runtime.state import StateStore
from tests.fakes.daemon_clock import DaemonClock

KEY = bytes(range(32))
MEBI = 1024 * 1024


class World:
    """`begin` starts a daemon's volumes, `end` stops them cleanly; without it a `begin` is what follows a crash."""

    def __init__(self, folder: Path, key: bytes | None = KEY, *, encrypt_all: bool = False) -> None:
        self.base = folder / "volumes"
        self.key = key
        self.encrypt_all = encrypt_all
        self.clock = DaemonClock()
        self.state = StateStore(folder / "state.db")
        self.events = EventBus(self.clock)
        self.full: list[tuple[str, str]] = []
        self.volumes: Volumes

    async def begin(self) -> Volumes:
        """Start, or start again."""
        self.volumes = Volumes(self.base, self.state, self.events, self.clock, self.key, encrypt_all=self.encrypt_all)
        self.volumes.on_full = lambda service_id, volume: self.full.append((service_id, volume))
        await self.volumes.load()
        return self.volumes

    async def end(self) -> None:
        """Stop cleanly."""
        await self.volumes.close()

    async def at_rest(self) -> None:
        """Wait until what a release has begun is done."""
        while self.volumes._tasks:
            await asyncio.wait(self.volumes._tasks)

    def plain_files(self) -> list[str]:
        """Names of all files that lie there unencrypted, outside backups."""
        return sorted(each.name for each in self.base.glob("*/data-*/**/*") if each.is_file())


def spec(name: str = "data", size: int = MEBI, **fields: object) -> VolumeSpec:
    """A volume as wanted."""
    return VolumeSpec(name=name, size=size, **fields)  # type: ignore[arg-type]


def use(source: str = "data", target: str = "/data", *, read_only: bool = False) -> VolumeUse:
    """A service's use of a volume."""
    return VolumeUse(source=source, target=target, read_only=read_only)
