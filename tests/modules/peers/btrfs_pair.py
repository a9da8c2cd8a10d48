"""A btrfs over two files that hold the same (RAID 1), one of which can be lost."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.modules.peers.loop_mount import unmount
from tests.modules.peers.versions import version_of

SIZE = 128 * 1024 * 1024
"""Of each file; btrfs takes no less for two copies. Nearly all of it is a hole."""


class BtrfsPair:
    """`place` is where it is mounted, `devices` what it lies on."""

    def __init__(self, place: Path, devices: list[str]) -> None:
        self.place = place
        self.devices = devices
        self.version = f"Linux {os.uname().release}, btrfs-progs {version_of('btrfs-progs')}"

    def mount(self, options: str = "defaults") -> None:
        """With these options."""
        _run(["btrfs", "device", "scan", *self.devices])
        _run(["mount", "-t", "btrfs", "-o", options, self.devices[0], str(self.place)])

    def lose_one(self) -> None:
        """The second file's disk goes; the file system is mounted again without it."""
        _run(["umount", str(self.place)])
        _run(["losetup", "--detach", self.devices.pop()])
        self.mount("degraded")

    def tear_down(self) -> None:
        """Unmount it and let the devices go."""
        if os.path.ismount(self.place):
            unmount(self.place)
        for each in self.devices:
            _run(["losetup", "--detach", each])


def can_be_made() -> bool:
    """Are we root, is the program here, and does the kernel know btrfs?"""
    known = "btrfs" in Path("/proc/filesystems").read_text()
    return os.geteuid() == 0 and known and shutil.which("mkfs.btrfs") is not None


@contextmanager
def btrfs_pair(folder: Path) -> Iterator[BtrfsPair]:
    """One, mounted, for as long as the block lasts. `folder` is one of `mount_folder`."""
    made = BtrfsPair(folder / "pair", [])
    made.place.mkdir()
    try:
        for name in ("one.img", "two.img"):
            image = folder / name
            with image.open("wb") as file:
                file.truncate(SIZE)
            made.devices.append(_run(["losetup", "--find", "--show", str(image)]).strip())
        _run(["mkfs.btrfs", "-q", "-d", "raid1", "-m", "raid1", *made.devices])
        made.mount()
        yield made
    finally:
        made.tear_down()


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
