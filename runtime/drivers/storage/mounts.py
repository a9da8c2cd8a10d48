"""Mounts: the file system that a folder lies on, its room and its state. Everything here blocks."""

import os
from pathlib import Path

import psutil

from runtime.drivers.storage.devices import faults_of
from runtime.drivers.storage.face import Pool, PoolState

SYS = Path("/sys")


def pool_of(path: Path, sys: Path = SYS) -> Pool:
    """The mount that `path` lies on. Raises OSError."""
    usage = psutil.disk_usage(str(path))
    mount, device, filesystem = _mount_of(path)
    faults = faults_of(path, device, sys)
    read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    return Pool(
        pool=mount,
        device=device,
        filesystem=filesystem,
        capacity_bytes=usage.total,
        used_bytes=usage.used,
        free_bytes=usage.free,
        used_percent=usage.percent,
        read_only=read_only,
        errors=faults.errors,
        failed_disks=faults.failed_disks,
        state=_state(read_only, faults.errors or 0, faults.failed_disks),
    )


def _state(read_only: bool, errors: int, failed_disks: int) -> PoolState:
    """The worst of what there is: a lost disk, then what keeps the pool from being written."""
    if failed_disks:
        return "degraded"
    if read_only:
        return "read_only"
    return "errors" if errors else "ok"


def _mount_of(path: Path) -> tuple[str, str | None, str | None]:
    """Mount point, device and file system; the last mount of a place hides those before it."""
    real = path.resolve(strict=True)
    found: tuple[str, str | None, str | None] = ("/", None, None)
    for each in psutil.disk_partitions(all=True):
        if real.is_relative_to(each.mountpoint) and len(each.mountpoint) >= len(found[0]):
            found = (each.mountpoint, each.device or None, each.fstype or None)
    return found
