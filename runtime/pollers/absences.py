"""Absences: a device that some looks miss is taken for present until it has been missed often enough."""

from collections.abc import Mapping

import msgspec

from runtime.drivers.driver import Device


def excused(
    known: Mapping[str, Device], present: Mapping[str, Device], missed: Mapping[str, int], after: int
) -> tuple[dict[str, Device], dict[str, int]]:
    """The devices as they are to be taken, and in how many looks each of the excused was missed. Pure.

    `missed` is what the look before came to, and the `after`th look that misses a device is not excused: a telephone
    that sleeps for a minute is no event.
    """
    taken = dict(present)
    counts: dict[str, int] = {}
    for device_id, old in known.items():
        now = present.get(device_id, old)
        here = device_id in present and now.online
        if old.online and not here and missed.get(device_id, 0) + 1 < after:
            counts[device_id] = missed.get(device_id, 0) + 1
            taken[device_id] = msgspec.structs.replace(now, online=True, reason=None)
    return taken, counts
