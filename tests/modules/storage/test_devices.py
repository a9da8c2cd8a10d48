"""What the kernel's files tell of disks, for what no test can build here: md arrays, below partitions and LVM."""

import os
from pathlib import Path

import pytest

from runtime.drivers.storage.devices import Faults, faults_of


class Kernel:
    """A /sys as the kernel's documentation lays it out. `here` is the device that the test's own folder lies on."""

    def __init__(self, folder: Path) -> None:
        self.sys = folder / "sys"
        self.place = folder
        number = folder.stat().st_dev
        self._number = f"{os.major(number)}:{os.minor(number)}"
        (self.sys / "dev/block").mkdir(parents=True)
        (self.sys / "class/block").mkdir(parents=True)

    def device(self, path: str, files: dict[str, str] | None = None, slaves: tuple[str, ...] = ()) -> None:
        """A block device below /sys/devices, with these files."""
        home = self.sys / "devices" / path
        home.mkdir(parents=True, exist_ok=True)
        (self.sys / "class/block" / home.name).symlink_to(home)
        for name, content in (files or {}).items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(content)
        for slave in slaves:
            (home / "slaves").mkdir(exist_ok=True)
            (home / "slaves" / slave).symlink_to(self.sys / "class/block" / slave)

    def mount(self, path: str) -> None:
        """The folder lies on that device."""
        (self.sys / "dev/block" / self._number).symlink_to(self.sys / "devices" / path)

    def faults(self, device: str | None = None) -> Faults:
        return faults_of(self.place, device, self.sys)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


@pytest.mark.parametrize(("degraded", "missing"), [("0\n", 0), ("1\n", 1), ("2\n", 2), ("", 0), ("?\n", 0)])
def test_an_array_tells_how_many_disks_it_misses(kernel: Kernel, degraded: str, missing: int) -> None:
    kernel.device("virtual/block/md0", {"md/degraded": degraded, "md/array_state": "clean\n"})
    kernel.mount("virtual/block/md0")
    assert kernel.faults() == Faults(failed_disks=missing)


def test_an_array_is_found_below_a_partition_an_encryption_and_a_logical_volume(kernel: Kernel) -> None:
    kernel.device("virtual/block/md0", {"md/degraded": "1\n"})
    kernel.device("virtual/block/md0/md0p1", {"partition": "1\n"})
    kernel.device("virtual/block/md1", {"md/degraded": "1\n"})
    kernel.device("virtual/block/dm-0", slaves=("md0p1",))
    kernel.device("virtual/block/dm-1", slaves=("dm-0", "md1"))
    kernel.mount("virtual/block/dm-1")
    assert kernel.faults().failed_disks == 2


def test_an_ext4_tells_its_errors_and_another_file_system_none(kernel: Kernel) -> None:
    kernel.device("pci0/sda/sda1", {"partition": "1\n"})
    kernel.mount("pci0/sda/sda1")
    assert kernel.faults() == Faults()
    count = kernel.sys / "fs/ext4/sda1/errors_count"
    count.parent.mkdir(parents=True)
    count.write_text("3\n")
    assert kernel.faults() == Faults(errors=3)


def test_what_is_no_device_has_no_faults(kernel: Kernel) -> None:
    assert kernel.faults("tmpfs") == kernel.faults(None) == kernel.faults("/dev/nothing") == Faults()
