"""Gateways: each one's log is read on (`gateway.sync.completed`), its end is told of (`gateway.brain.offline`)."""

import asyncio
from pathlib import Path
from typing import cast

import msgspec
from msgspec import UNSET

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.clock import rfc3339
from runtime.drivers.firewall.face import Gateway, Reading, Standing
from runtime.drivers.firewall.record import shown
from runtime.drivers.firewall.settings import LogSettings
from runtime.drivers.opening import find_driver, link_of, open_peer
from runtime.pollers.watch import Happening, Rhythm, Seen, Tell, Watched
from runtime.threads import in_thread

READ_EVERY = 1.0
"""Seconds between two looks at the log's length, which cost next to nothing."""

READ_SECONDS = 60.0
"""For reading on at a time; its settings may give less."""

GONE_AFTER = 2
"""Looks in a row that must find it offline: a rotation or a restart takes a moment in which nobody writes."""


class _Known(msgspec.Struct, frozen=True):
    """Was it at work? None: it has never been looked at. `seen`: when it last was; `absent`: looks since."""

    online: bool | None = None
    seen: str = ""
    absent: int = 0


class GatewayPoll:
    """Implements Poll: tells when a gateway that was at work is no longer."""

    name = "gateways"

    def rhythm(self, target: Target) -> Rhythm | None:
        """As often as its devices, of which it is the only one."""
        settings = _settings(target)
        driver = find_driver(target.driver)
        if settings is None or driver is None:
            return None
        every = driver.poll_seconds if settings.poll_seconds is UNSET else settings.poll_seconds
        return Rhythm(every=every) if every > 0 else None

    async def look(self, watched: Watched) -> Seen:
        """Ask whether it is at work, and compare."""
        known = _Known() if watched.memory is None else msgspec.convert(watched.memory, _Known)
        gateway = cast(Gateway, open_peer(link_of(watched.target, watched.ports, watched.deadline)))
        standing = await gateway.standing()
        now = rfc3339(int(watched.now * 1e9))
        if standing.online:
            return _seen(_Known(online=True, seen=now))
        if known.online is not True:
            return _seen(_Known(online=False, seen=known.seen or now))
        if known.absent + 1 < GONE_AFTER:
            return _seen(msgspec.structs.replace(known, absent=known.absent + 1))
        return _seen(_Known(online=False, seen=known.seen), _offline(watched.target, standing, known.seen))

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """A disk that hangs says nothing of the gateway."""
        return None


class AlertFollow:
    """Implements Follow: reads on what gateways log, so that a search finds it read."""

    name = "alerts"

    def wanted(self, target: Target) -> bool:
        """Every gateway that is known by its log."""
        return _settings(target) is not None

    async def follow(self, watched: Watched, tell: Tell) -> None:
        """Read to the log's end and say what has come; then read on."""
        file = cast(LogSettings, _settings(watched.target)).file
        read = await _changed(file, None)
        reading = await _read_to_the_end(watched)
        if reading.new:
            await tell([_synced(watched.target, reading)])
            await _gateway(watched).told(reading)
        while True:
            read = await _changed(file, read)
            await _read_to_the_end(watched, heard=True)


def _gateway(watched: Watched) -> Gateway:
    """Opened anew for each reading: a link ends with its deadline."""
    deadline = asyncio.get_running_loop().time() + READ_SECONDS
    return cast(Gateway, open_peer(link_of(watched.target, watched.ports, deadline)))


async def _read_to_the_end(watched: Watched, *, heard: bool = False) -> Reading:
    while True:
        reading = await _gateway(watched).read_on(heard=heard)
        if reading.whole:
            return reading


async def _changed(file: str, read: tuple[int, int] | None) -> tuple[int, int]:
    """Which file it is and how long, as soon as that is another than `read` and there is one at all."""
    while True:
        # In a thread of its own: a disk that hangs holds up nobody but its follower.
        found = await in_thread(lambda: _stat(file), lambda: None, name="gateway-log")
        if found is not None and found != read:
            return found
        await asyncio.sleep(READ_EVERY)


def _stat(file: str) -> tuple[int, int] | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size


def _settings(target: Target) -> LogSettings | None:
    """None where it is no gateway with a log, or its settings do not fit."""
    driver = find_driver(target.driver)
    if driver is None or not issubclass(driver.settings, LogSettings):
        return None
    try:
        return msgspec.convert(dict(target.settings), driver.settings)
    except msgspec.ValidationError:
        return None


def _seen(known: _Known, *happenings: Happening) -> Seen:
    return Seen(happenings=happenings, memory=msgspec.to_builtins(known))


def _offline(target: Target, standing: Standing, seen: str) -> Happening:
    last = seen if standing.last_us is None else shown(standing.last_us)
    facts: dict[str, Json] = {"last_seen": last, "reason": standing.reason}
    return Happening(type="gateway.brain.offline", payload={**_itself(target), **facts}, key="offline")


def _synced(target: Target, reading: Reading) -> Happening:
    facts: dict[str, Json] = {"changed": reading.new, "finished_at": shown(reading.at_us)}
    return Happening(
        type="gateway.sync.completed",
        payload={**_itself(target), **facts},
        key=f"gateway.sync.completed {reading.mark}",
    )


def _itself(target: Target) -> dict[str, Json]:
    return {
        "controller_id": target.id,
        "site_id": target.site_id,
        "gateway_id": "gateway",
        "gateway_name": target.name or target.id,
    }
