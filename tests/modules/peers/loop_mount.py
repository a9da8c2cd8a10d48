"""A file system in a file, mounted."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.modules.peers.versions import version_of

MIB = 1024 * 1024


class LoopMount:
    """`place` is where it is mounted, `device` such as `/dev/loop0`."""

    def __init__(self, place: Path, device: str) -> None:
        self.place = place
        self.device = device
        self.version = f"Linux {os.uname().release}, e2fsprogs {version_of('e2fsprogs')}"

    def remount(self, options: str) -> None:
        """With other options, such as `ro`."""
        _run(["mount", "-o", f"remount,{options}", str(self.place)])

    def room(self) -> int:
        """Bytes that may still be written."""
        free = os.statvfs(self.place)
        return free.f_bavail * free.f_frsize

    def fill(self, left: int) -> None:
        """Take all room but `left` bytes."""
        with (self.place / "filling").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.room() - left)

    def break_it(self) -> None:
        """Have the kernel meet an error in the file system, as it would on a broken disk."""
        told = Path("/sys/fs/ext4", Path(self.device).name)
        before = (told / "errors_count").read_text()
        (told / "trigger_fs_error").write_text("made by a test")
        # It counts in its own time.
        until = time.monotonic() + 10
        while (told / "errors_count").read_text() == before:
            assert time.monotonic() < until, "the kernel counts no error"
            time.sleep(0.01)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Whoever writes hangs until the block ends, as on a server of NFS that is gone."""
        _run(["fsfreeze", "--freeze", str(self.place)])
        try:
            yield
        finally:
            _run(["fsfreeze", "--unfreeze", str(self.place)])


def can_be_made() -> bool:
    """Are we root, and is all there that it takes?"""
    return os.geteuid() == 0 and all(shutil.which(each) for each in ("losetup", "mkfs.ext4", "mount"))


@contextmanager
def mount_folder() -> Iterator[Path]:
    """A folder to mount things in; none of pytest's, which cannot clear away what a killed run leaves mounted."""
    made = Path(tempfile.mkdtemp(prefix="fabric-mount-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


@contextmanager
def loop_mount(folder: Path, size: int = 16 * MIB) -> Iterator[LoopMount]:
    """An ext4 of that size, for as long as the block lasts. `folder` is one of `mount_folder`."""
    image, place = folder / "disk.img", folder / "mount"
    with image.open("wb") as file:
        file.truncate(size)
    _run(["mkfs.ext4", "-q", "-m", "0", str(image)])
    place.mkdir()
    device = _run(["losetup", "--find", "--show", str(image)]).strip()
    try:
        # An error of the file system is to be counted and not to stop it.
        _run(["mount", "-t", "ext4", "-o", "errors=continue", device, str(place)])
        try:
            yield LoopMount(place, device)
        finally:
            unmount(place)
    finally:
        _run(["losetup", "--detach", device])


def unmount(place: Path) -> None:
    """Once nobody writes there any more: what hung on a frozen disk takes a moment to end."""
    until = time.monotonic() + 10
    while subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode:
        if time.monotonic() > until:
            # Nothing stays mounted, and the test fails all the same.
            _run(["umount", "--lazy", str(place)])
            raise AssertionError(f"{place} stays busy")
        time.sleep(0.02)


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
