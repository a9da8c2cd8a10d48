"""VLANs and wireless networks, compared with what was seen last: `network.vlan.*`, `network.wifi.*`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

import msgspec

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.network.face import Tables, Vlan, Wifi
from runtime.drivers.network.settings import SnmpSettings
from runtime.drivers.opening import find_driver, link_of, open_peer
from runtime.pollers.watch import Happening, Rhythm, Seen, Watched

EMPTY_LOOKS = 2
"""Looks in a row that must find nothing at all before all is told to be deleted: a device that starts anew, or hides
its table for a moment, has deleted nothing."""

Rows = Mapping[str, dict[str, Json]]
"""By its id, what an event tells of a VLAN or wireless network besides where it is."""


class _Known(msgspec.Struct, frozen=True):
    """What was seen last, and how many looks since have found nothing."""

    rows: dict[str, dict[str, Json]] = {}
    empty: int = 0


class TablePoll:
    """Implements Poll for one table of a network controller. The very first look only learns what there is."""

    def __init__(self, kind: str, read: Callable[[Tables], Awaitable[Rows]]) -> None:
        self.name = f"network.{kind}"
        self._read = read

    def rhythm(self, target: Target) -> Rhythm | None:
        """As often as its devices, where its driver has such tables and `watch_tables` is not off."""
        driver = find_driver(target.driver)
        if driver is None or driver.settings is not SnmpSettings:
            return None
        try:
            settings = msgspec.convert(dict(target.settings), SnmpSettings)
        except msgspec.ValidationError:
            return None
        every = driver.poll_seconds if settings.poll_seconds is msgspec.UNSET else settings.poll_seconds
        return Rhythm(every=every) if settings.watch_tables and every > 0 else None

    async def look(self, watched: Watched) -> Seen:
        """Read the table and compare."""
        peer = cast(Tables, open_peer(link_of(watched.target, watched.ports, watched.deadline)))
        rows = await self._read(peer)
        known = None if watched.memory is None else msgspec.convert(watched.memory, _Known)
        if known is not None and known.rows and not rows and known.empty + 1 < EMPTY_LOOKS:
            return Seen(memory=msgspec.to_builtins(_Known(known.rows, known.empty + 1)))
        happenings = [] if known is None else compare(self.name, known.rows, rows, watched.target)
        return Seen(happenings=tuple(happenings), memory=msgspec.to_builtins(_Known(dict(rows))))

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """Nothing: what cannot be seen has not changed."""
        return None


def compare(name: str, before: Rows, now: Rows, target: Target) -> list[Happening]:
    """What came, changed and went. Pure."""
    verbs = [("created", now[each]) for each in now if each not in before]
    verbs += [("updated", now[each]) for each in now if each in before and now[each] != before[each]]
    verbs += [("deleted", before[each]) for each in before if each not in now]
    return [
        Happening(
            type=f"{name}.{verb}",
            payload={"controller_id": target.id, "site_id": target.site_id, **row},
            key=f"{verb} {sorted(row.items())}",
        )
        for verb, row in verbs
    ]


async def _vlans(peer: Tables) -> Rows:
    return _rows(await peer.vlans(), "vlan_id")


async def _wifis(peer: Tables) -> Rows:
    return _rows(await peer.wifis(), "wifi_id")


def _rows(found: Sequence[Vlan | Wifi], key: str) -> Rows:
    rows = [msgspec.structs.asdict(each) for each in found]
    return {str(row[key]): row for row in rows}


VLANS = TablePoll("vlan", _vlans)
WIFIS = TablePoll("wifi", _wifis)
