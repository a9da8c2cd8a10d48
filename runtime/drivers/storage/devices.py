"""Devices: what the kernel counts against the disks below a file system: ext4, btrfs and md tell. Blocks."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

_COUNT = re.compile(r"^\w+_errs (\d+)$", re.MULTILINE)


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """`errors` None: nothing there counts any."""

    errors: int | None = None
    failed_disks: int = 0


def faults_of(path: Path, device: str | None, sys: Path) -> Faults:
    """What stands against the disks that `path` lies on; `device` is what is mounted there."""
    name = _kernel_name(path, device, sys)
    if name is None:
        return Faults()
    volume = _btrfs_volume(name, sys)
    if volume is not None:
        return _btrfs(volume)
    missing = sum(_number(array / "md/degraded") or 0 for array in _arrays(name, sys))
    return Faults(errors=_number(sys / "fs/ext4" / name / "errors_count"), failed_disks=missing)


def _kernel_name(path: Path, device: str | None, sys: Path) -> str | None:
    """Such as `sda1` or `dm-0`; a btrfs has a number of its own, so that its device's path must do."""
    number = path.stat().st_dev
    link = sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    if link.exists():
        return link.resolve().name
    return Path(device).resolve().name if device is not None and device.startswith("/dev/") else None


def _arrays(name: str, sys: Path) -> Iterator[Path]:
    """Every md array at or below a block device: below a partition, an encryption, a logical volume."""
    block = (sys / "class/block" / name).resolve()
    if (block / "partition").exists():
        block = block.parent
    if (block / "md").is_dir():
        yield block
    slaves = block / "slaves"
    for slave in sorted(slaves.iterdir()) if slaves.is_dir() else ():
        yield from _arrays(slave.name, sys)


def _btrfs_volume(name: str, sys: Path) -> Path | None:
    volumes = sys / "fs/btrfs"
    for each in volumes.iterdir() if volumes.is_dir() else ():
        if (each / "devices" / name).exists():
            return each
    return None


def _btrfs(volume: Path) -> Faults:
    errors, missing = 0, 0
    for each in (volume / "devinfo").iterdir():
        missing += _number(each / "missing") or 0
        errors += sum(int(count) for count in _COUNT.findall(_text(each / "error_stats")))
    return Faults(errors=errors, failed_disks=missing)


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    """Nothing where the kernel does not tell, or not us."""
    try:
        return file.read_text()
    except OSError:
        return ""
