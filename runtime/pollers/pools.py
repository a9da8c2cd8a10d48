"""Pools: storage that fills up or loses what it rests on: `storage.capacity.warning` and `storage.pool.degraded`."""

from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import UNSET

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.opening import find_driver, link_of, open_peer
from runtime.drivers.storage.face import Pool, Storage
from runtime.drivers.storage.settings import S3Settings, Watching
from runtime.pollers.watch import Happening, Rhythm, Seen, Watched

CLEARS_UNDER = 5.0
"""Per cent below the threshold at which a pool that was full counts as roomy again, unless it is set otherwise."""


class Told(msgspec.Struct, frozen=True):
    """What was told of one pool: that it is full, and what else its state is."""

    full: bool = False
    state: str = "ok"


class PoolPoll:
    """Implements Poll for every storage that has a bound or a state of its own."""

    name = "pools"

    def rhythm(self, target: Target) -> Rhythm | None:
        """`poll_seconds` of its settings. A bucket without a quota has nothing to tell of."""
        driver = find_driver(target.driver)
        if driver is None or driver.module != "storage":
            return None
        try:
            settings = cast(Watching, msgspec.convert(dict(target.settings), driver.settings))
        except msgspec.ValidationError:
            return None
        if isinstance(settings, S3Settings) and not settings.quota_bytes:
            return None
        every = driver.poll_seconds if settings.poll_seconds is UNSET else settings.poll_seconds
        return Rhythm(every=every) if every > 0 else None

    async def look(self, watched: Watched) -> Seen:
        """Ask the storage and compare."""
        link = link_of(watched.target, watched.ports, watched.deadline)
        condition = await cast(Storage, open_peer(link)).condition()
        before = {} if watched.memory is None else msgspec.convert(watched.memory, dict[str, Told])
        told, happenings = compare(before, condition.pools, cast(Watching, link.settings), watched.target)
        return Seen(happenings=tuple(happenings), memory=msgspec.to_builtins(told))

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """What cannot be looked at is as it was."""
        return None


def compare(
    before: dict[str, Told], pools: Sequence[Pool], settings: Watching, target: Target
) -> tuple[dict[str, Told], list[Happening]]:
    """What is known of each pool now, and what has happened to it. Pure; a pool that is no longer seen is forgotten."""
    known: dict[str, Told] = {}
    happenings: list[Happening] = []
    for pool in pools:
        old = before.get(pool.pool, Told())
        now = known[pool.pool] = Told(full=_is_full(pool, old, settings), state=pool.state)
        if now.full and not old.full:
            happenings.append(_capacity(pool, settings, target))
        if now.state not in ("ok", old.state):
            happenings.append(_degraded(pool, target))
    return known, happenings


def _is_full(pool: Pool, old: Told, settings: Watching) -> bool:
    """Once told of, a pool is full until it has clearly more room: one at the threshold goes to and fro."""
    if pool.used_percent is None:
        return False
    clear = settings.warn_percent - CLEARS_UNDER if settings.clear_percent is UNSET else settings.clear_percent
    return pool.used_percent >= (min(clear, settings.warn_percent) if old.full else settings.warn_percent)


def _capacity(pool: Pool, settings: Watching, target: Target) -> Happening:
    facts: dict[str, Json] = {
        "used_percent": pool.used_percent,
        "threshold_percent": settings.warn_percent,
        "used_bytes": pool.used_bytes,
        "capacity_bytes": pool.capacity_bytes,
    }
    return _told("storage.capacity.warning", pool, target, facts)


def _degraded(pool: Pool, target: Target) -> Happening:
    return _told("storage.pool.degraded", pool, target, {"state": pool.state, "failed_disks": pool.failed_disks})


def _told(kind: str, pool: Pool, target: Target, facts: dict[str, Json]) -> Happening:
    payload = {"controller_id": target.id, "site_id": target.site_id, "pool": pool.pool, **facts}
    return Happening(type=kind, payload=payload, key=f"{kind} {pool.pool}")
