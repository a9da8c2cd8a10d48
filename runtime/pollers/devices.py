"""Devices: what a controller manages, compared with what was seen last: `device.discovered|updated|status.changed`."""

from collections.abc import Mapping

import msgspec
import structlog

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.driver import Device
from runtime.drivers.masking import masked, masked_data
from runtime.drivers.opening import find_driver, link_of, open_peer
from runtime.pollers.absences import excused
from runtime.pollers.camera_status import camera_statuses, cameras_away
from runtime.pollers.watch import Happening, Rhythm, Seen, Watched

_log = structlog.get_logger()

GONE_AFTER = 2
"""Looks that must fail before a controller counts as offline: one lost packet is no event."""

FORGET_SECONDS = 7 * 86_400.0
"""A device that its controller has not listed for so long is forgotten: it is discovered when it comes again."""

GONE_MOST = 2_000
"""Unlisted devices remembered for one controller; telephones make up a new address every day."""


class _Gone(msgspec.Struct, frozen=True):
    """A device that is no longer listed, as it was, and since when (seconds since 1970 UTC)."""

    device: Device
    since: float


class _Known(msgspec.Struct, frozen=True):
    """What was seen last. `reachable` None: nothing was yet, so that nothing has changed either.

    `missed` counts the looks that missed a device which still counts as online (the setting `offline_after`).
    """

    devices: dict[str, Device] = {}
    reachable: bool | None = None
    gone: dict[str, _Gone] = {}
    missed: dict[str, int] = {}

    @property
    def all(self) -> dict[str, Device]:
        """Every device that is remembered, the unlisted ones as offline."""
        gone = {key: msgspec.structs.replace(each.device, online=False) for key, each in self.gone.items()}
        return {**gone, **self.devices}


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
        link = link_of(watched.target, watched.ports, watched.deadline)
        # Before they are compared and remembered: some cameras tell their streams with the password in the URL.
        present = {each.device_id: _masked(watched.target, each) for each in await open_peer(link).devices()}
        patience = getattr(link.settings, "offline_after", 1)
        present, missed = excused(known.devices, present, known.missed, patience)
        happenings = [*compare(known.all, present, watched.target)]
        was_reachable = known.reachable is not False
        happenings += camera_statuses(known.all, present, watched.target, watched.now, was_reachable=was_reachable)
        if not was_reachable:
            happenings.insert(0, _moved(watched.target, online=True, reason=None))
        seen = _Known(present, reachable=True, gone=_gone(known, present, watched.now), missed=missed)
        return Seen(happenings=tuple(happenings), memory=msgspec.to_builtins(seen))

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """The second failure of a row is the controller's going; its devices stay as they were seen."""
        known = _known(watched.memory)
        if watched.failures < GONE_AFTER or known.reachable is False:
            return None
        told: list[Happening] = []
        if known.reachable is not None:
            told = [_moved(watched.target, online=False, reason=error.message)]
            told += cameras_away(known.devices, watched.target, watched.now, error.message)
        return Seen(
            happenings=tuple(told), memory=msgspec.to_builtins(_Known(known.devices, False, known.gone, known.missed))
        )


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


def _masked(target: Target, device: Device) -> Device:
    """The device without its controller's credentials."""
    reason = None if device.reason is None else masked(target, device.reason)
    return msgspec.structs.replace(device, facts=masked_data(target, device.facts), reason=reason)


def _status(device: Device) -> str:
    return "online" if device.online else "offline"


def _changed(old: Device, new: Device) -> Json:
    """The names of what differs in its record."""
    facts = {name for name in {*old.facts, *new.facts} if old.facts.get(name) != new.facts.get(name)}
    return sorted(facts | {name for name in ("name", "kind") if getattr(old, name) != getattr(new, name)})


def _gone(known: _Known, present: Mapping[str, Device], now: float) -> dict[str, _Gone]:
    """The unlisted devices, the longest gone first."""
    gone = {key: each for key, each in known.gone.items() if key not in present and now - each.since < FORGET_SECONDS}
    gone.update({key: _Gone(each, now) for key, each in known.devices.items() if key not in present})
    return dict(list(gone.items())[-GONE_MOST:])


def _known(memory: Json) -> _Known:
    if memory is None:
        return _Known()
    try:
        return msgspec.convert(memory, _Known)
    except msgspec.ValidationError as error:
        # Another version's, which put it differently: its devices are discovered again, and looked at from now on.
        _log.error("device_memory_unfit", reason=str(error))
        return _Known()
