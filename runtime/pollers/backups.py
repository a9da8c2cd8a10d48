"""Backups of volumes: each is read again once it is made, and then day by day: `backup.validation.failed`."""

import asyncio
from urllib.parse import quote

import msgspec

from catalog.daemons import DRIVER, LOCAL_DAEMON, DaemonApi
from catalog.errors import FabricError, NotFound
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.daemon.place import daemon_at
from runtime.pollers.watch import Happening, Rhythm, Seen, Watched
from runtime.providers.daemons import told

EVERY = 60.0
"""Seconds between two looks at what backups there are; `poll_seconds` of the daemon's settings says otherwise."""

AGAIN_AFTER = 86_400.0
"""Seconds after which a backup is read again: disks rot."""

LONGEST_LOOK = 3600.0
READS_FOR = 60.0
"""Seconds of one look after which no further backup is begun with."""


class _Backup(msgspec.Struct, frozen=True):
    name: str


class _Volume(msgspec.Struct, frozen=True):
    id: str
    name: str


class _Volumes(msgspec.Struct, frozen=True):
    volumes: list[_Volume]


class _Backups(msgspec.Struct, frozen=True):
    backups: list[_Backup]


class _Verdict(msgspec.Struct, frozen=True):
    verified: bool
    checked_at: str
    reason: str | None = None


class Checked(msgspec.Struct, frozen=True):
    """When a backup was last read, in seconds since 1970, and whether it was damaged then."""

    at: float
    bad: bool = False


class BackupPoll:
    """Implements Poll for every services daemon."""

    name = "backups"

    def rhythm(self, target: Target) -> Rhythm | None:
        """`poll_seconds` of its settings; 0 is never."""
        if target.driver != DRIVER:
            return None
        every = target.settings.get("poll_seconds", EVERY)
        usable = isinstance(every, int | float) and not isinstance(every, bool) and every > 0
        return Rhythm(every=float(every), deadline=LONGEST_LOOK) if usable else None

    async def look(self, watched: Watched) -> Seen:
        """Have the daemon verify what is due."""
        if watched.target.id == LOCAL_DAEMON and watched.ports.daemon is None:
            return Seen(memory=watched.memory)  # this process has none, and that is no failure
        before = {} if watched.memory is None else msgspec.convert(watched.memory, dict[str, Checked])
        round_ = _Round(watched, daemon_at(watched.target, watched.ports), before)
        await round_.go()
        return Seen(happenings=tuple(round_.happenings), memory=msgspec.to_builtins(round_.known))

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """A daemon that does not answer has damaged nothing."""
        return None


class _Round:
    """One look at one daemon: `known` and `happenings` are what it comes to."""

    def __init__(self, watched: Watched, daemon: DaemonApi, before: dict[str, Checked]) -> None:
        self._watched = watched
        self._daemon = daemon
        self._before = before
        self._until = asyncio.get_running_loop().time() + READS_FOR
        self.known: dict[str, Checked] = {}
        self.happenings: list[Happening] = []

    async def go(self) -> None:
        """Ask for everything, verify what is due."""
        volumes = told(await self._ask("GET", "volumes"), _Volumes).volumes
        for volume in volumes:
            try:
                answer = await self._ask("GET", f"volumes/{quote(volume.id, safe='')}/backups")
            except NotFound:
                continue  # it has gone meanwhile
            for backup in told(answer, _Backups).backups:
                await self._one(volume, backup.name)

    async def _one(self, volume: _Volume, name: str) -> None:
        key = f"{volume.id} {name}"
        old = self._before.get(key)
        due = old is None or self._watched.now - old.at >= AGAIN_AFTER
        if not due or asyncio.get_running_loop().time() > self._until:
            if old is not None:
                self.known[key] = old
            return
        try:
            path = f"volumes/{quote(volume.id, safe='')}/verify"
            verdict = told(await self._ask("POST", path, {"backup": name}), _Verdict)
        except NotFound:
            return
        self.known[key] = Checked(self._watched.now, bad=not verdict.verified)
        if not verdict.verified and not (old is not None and old.bad):
            self.happenings.append(self._told(volume, name, verdict))

    def _told(self, volume: _Volume, name: str, verdict: _Verdict) -> Happening:
        target = self._watched.target
        return Happening(
            type="backup.validation.failed",
            payload={
                "controller_id": target.id,
                "site_id": target.site_id,
                "backup_id": name,
                "job_name": volume.name,
                "checked_at": verdict.checked_at,
                "reason": verdict.reason or "it is not what was written",
            },
            key=f"{volume.id} {name}",
        )

    async def _ask(self, method: str, path: str, body: Json = None) -> Json:
        seconds = max(0.0, self._watched.deadline - asyncio.get_running_loop().time())
        return await self._daemon.ask(method, path, body=body, seconds=seconds)
