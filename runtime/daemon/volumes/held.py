"""Held: a volume as this daemon has it: its record, who has it mounted, what is being done to it."""

import asyncio
from collections.abc import Iterable, Sequence

from catalog.errors import Conflict
from runtime.daemon.spec import VolumeUse
from runtime.daemon.volumes.volume import MountPoint, Volume


class Held:
    """Everything here happens on the loop. `lock` is for whoever changes or copies the content."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.mounts: dict[str, tuple[MountPoint, ...]] = {}
        self.lock = asyncio.Lock()
        self.turning = False
        """The content is about to change: whoever mounts it waits for the lock."""
        self.restoring = False
        self.removed = False
        self.dirty = False
        """An ephemeral volume that nobody has had since: its content goes before anybody gets it."""
        self.used = volume.used
        self.allowance = volume.spec.size
        """Bytes over which writers are stopped: the size, or what was there already when it was mounted."""
        self.told: set[str] = set()
        """Services that were told that it is full."""
        self.scan_at = 0.0
        self.due_ns: int | None = None

    @property
    def mount_points(self) -> list[MountPoint]:
        """Who has it where."""
        return [point for points in self.mounts.values() for point in points]

    def mount(self, service_id: str, use: VolumeUse) -> bool:
        """Note that a service has it; may the service write? Raises Conflict INVALID_STATE."""
        name, mode = self.volume.spec.name, self.volume.spec.access_mode
        if self.restoring or self.removed:
            doing = "restored" if self.restoring else "deleted"
            raise Conflict("INVALID_STATE", f"Volume `{name}` is being {doing}.", details={"volume": name})
        writable = not use.read_only and mode != "read-only-many"
        writers = [each.service_id for each in self.mount_points if each.writable and each.service_id != service_id]
        if writable and mode == "read-write-once" and writers:
            raise Conflict(
                "INVALID_STATE",
                f"Volume `{name}` is `read-write-once`, and service `{writers[0]}` has it.",
                hint="Mount it with `read_only`, stop that service, or make the volume `read-write-many`.",
                details={"volume": name, "mounted_by": writers},
            )
        if not self.mounts:
            self.allowance, self.told = max(self.volume.spec.size, self.used), set()
        point = MountPoint(service_id=service_id, target=use.target, writable=writable)
        points = self.mounts.get(service_id, ())
        self.mounts[service_id] = points if point in points else (*points, point)
        self.told.discard(service_id)
        self.scan_at = 0.0
        return writable

    def unmount(self, service_id: str, keep: Iterable[VolumeUse] = ()) -> bool:
        """Note that a service has it only at the targets of `keep`; has nobody got it any more, but had before?"""
        points = self.mounts.pop(service_id, None)
        if points is None:
            return False
        targets = {each.target for each in keep if each.source in (self.volume.id, self.volume.spec.name)}
        kept = tuple(each for each in points if each.target in targets)
        if kept:
            self.mounts[service_id] = kept
        return not self.mounts

    def check_unused(self, doing: str) -> None:
        """Raise Conflict INVALID_STATE if a service has it."""
        if self.mounts:
            name, services = self.volume.spec.name, list(self.mounts)
            shown = ", ".join(f"`{each}`" for each in services[:20])
            raise Conflict(
                "INVALID_STATE",
                f"Volume `{name}` is in use by {shown}.",
                hint=f"Stop them before {doing}.",
                details={"volume": name, "mounted_by": services[:20]},
            )

    def writers(self) -> Sequence[str]:
        """Services that may write to it."""
        return [service for service, points in self.mounts.items() if any(each.writable for each in points)]
