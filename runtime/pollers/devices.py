"""Devices: what a controller manages, compared with what was seen last: `device.discovered|updated|status.changed`."""

from collections.abc import Mapping

import msgspec

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.driver import Device
from runtime.drivers.opening import find_driver, link_of, open_peer
from runtime.pollers.watch import Happening, Rhythm, Seen, Watched

GONE_AFTER = 2
"""Looks that must fail before a controller counts as offline: one lost packet is no event."""


class _Known(msgspec.Struct, frozen=True):
    """What was seen last. `reachable` None: nothing was yet, so that nothing has changed either."""

    devices: dict[str, Device] = {}
    reachable: bool | None = None


class DevicePoll:
    """Implements Poll for every driver that manages devices. The controller's own coming and going is told as well."""

    name = "devices"

    def rhythm(self, target: Target) -> Rhythm | None:
        """`poll_seconds` of its settings; 0 is never."""
        driver = find_driver(target.driver)
        if driver is None or not driver.devices:
            return None
        every = target.settings.get("poll_seconds", driver.poll_seconds)
        usable = isinstance(every, int | float) and not isinstance(every, bool) and every > 0
        return Rhythm(every=float(every)) if usable else None

    async def look(self, watched: Watched) -> Seen:
        """Ask the controller for its devices and compare."""
        known = _known(watched.memory)
        peer = open_peer(link_of(watched.target, watched.ports, watched.deadline))
        present = {each.device_id: each for each in await peer.devices()}
        happenings = [*compare(known.devices, present, watched.target)]
        if known.reachable is False:
            happenings.insert(0, _moved(watched.target, online=True, reason=None))
        return Seen(happenings=tuple(happenings), memory=msgspec.to_builtins(_Known(present, reachable=True)))

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """The second failure of a row is the controller's going; its devices stay as they were seen."""
        known = _known(watched.memory)
        if watched.failures < GONE_AFTER or known.reachable is False:
            return None
        told = () if known.reachable is None else (_moved(watched.target, online=False, reason=error.message),)
        return Seen(happenings=told, memory=msgspec.to_builtins(_Known(known.devices, reachable=False)))


def compare(before: Mapping[str, Device], now: Mapping[str, Device], target: Target) -> list[Happening]:
    """What has happened between two looks. Pure; a device that is no longer listed has gone offline."""
    happenings = []
    for device_id, device in now.items():
        old = before.get(device_id)
        if old is None:
            happenings.append(_told("device.discovered", device, target, old_status=None))
            continue
        if old.online != device.online:
            happenings.append(_told("device.status.changed", device, target, old_status=_status(old)))
        if (old.name, old.kind, old.facts) != (device.name, device.kind, device.facts):
            happenings.append(_told("device.updated", device, target, changed=_changed(old, device)))
    for device_id, old in before.items():
        if device_id not in now and old.online:
            gone = msgspec.structs.replace(old, online=False, reason="the controller no longer lists it")
            happenings.append(_told("device.status.changed", gone, target, old_status="online"))
    return happenings


def _told(kind: str, device: Device, target: Target, **also: Json) -> Happening:
    data = {"name": device.name, "new_status": _status(device), "kind": device.kind, "facts": dict(device.facts)}
    if device.reason is not None:
        data["reason"] = device.reason
    return Happening(
        type=kind,
        payload={
            "device_id": device.device_id,
            "site_id": target.site_id,
            "controller_id": target.id,
            "data": {**data, **also},
        },
        key=f"{kind} {device.device_id}",
    )


def _moved(target: Target, *, online: bool, reason: str | None) -> Happening:
    itself = Device(device_id=target.id, name=target.name, kind="controller", online=online, reason=reason)
    return _told("device.status.changed", itself, target, old_status="offline" if online else "online")


def _status(device: Device) -> str:
    return "online" if device.online else "offline"


def _changed(old: Device, new: Device) -> Json:
    """The names of what differs in its record."""
    facts = {name for name in {*old.facts, *new.facts} if old.facts.get(name) != new.facts.get(name)}
    return sorted(facts | {name for name in ("name", "kind") if getattr(old, name) != getattr(new, name)})


def _known(memory: Json) -> _Known:
    return _Known() if memory is None else msgspec.convert(memory, _Known)
