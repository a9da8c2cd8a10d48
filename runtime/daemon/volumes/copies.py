"""Copies: backups of a volume's content: made, verified, brought back, and removed when their time is over.

Everything but `due_after` blocks: call it in a thread.
"""

import re
import time
from hashlib import sha256
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from croniter import croniter

from catalog.errors import Conflict, NotFound
from runtime.daemon.spec import Backup
from runtime.daemon.volumes.archive import BLOCK
from runtime.daemon.volumes.contents import BACKUPS, Contents, draft, told
from runtime.daemon.volumes.reading import destination_path
from runtime.daemon.volumes.volume import Copy, Volume


def due_after(backup: Backup, after_ns: int) -> int | None:
    """When the next backup is due after a moment (nanoseconds since 1970, UTC); None: never."""
    if not backup.enabled:
        return None
    return int(croniter(backup.schedule, after_ns / 1e9).get_next(float)) * 1_000_000_000


def make_copy(contents: Contents, volume: Volume, now_ns: int) -> Copy:
    """A backup of what the volume holds now. Raises FabricError, and then leaves none.

    Of a volume that is in use it has each file as it was when it was read, which is not one moment for all.
    """
    with told(volume):
        folder = _folder(contents, volume)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = _free_path(folder, volume, now_ns)
        with draft(path) as file:
            out = _Counted(file)
            if volume.sealed:
                with contents.sealed(volume).open("rb") as sealed:
                    while block := sealed.read(BLOCK):
                        out.write(block)
            else:
                contents.write_archive(volume, out)
        with draft(path.with_name(path.name + ".sha256")) as file:
            file.write(f"{out.digest}  {path.name}\n".encode())
    return Copy(
        name=path.name,
        path=str(path),
        created_at_ns=now_ns,
        bytes=out.count,
        sha256=out.digest,
        encrypted=volume.spec.encrypted,
    )


def find_copy(volume: Volume, name: str | None) -> Copy:
    """The backup of that name, the newest without one. Raises NotFound BACKUP_NOT_FOUND."""
    newest = sorted(volume.copies, key=lambda each: each.created_at_ns, reverse=True)
    found = next((each for each in newest if name in (None, each.name)), None)
    if found is None:
        raise NotFound(
            "BACKUP_NOT_FOUND",
            f"Volume `{volume.spec.name}` has no backup" + (f" `{name}`." if name else "."),
            hint=f"`fabric volume backups {volume.spec.name}` lists them.",
            details={"volume": volume.spec.name, "available_backups": [each.name for each in newest[:20]]},
        )
    return found


def check_copy(volume: Volume, copy: Copy) -> None:
    """Is the file what was written? Raises Conflict VOLUME_DAMAGED, Unavailable VOLUME_UNAVAILABLE."""
    with told(volume), Path(copy.path).open("rb") as file:
        digest = sha256()
        while block := file.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != copy.sha256:
        raise Conflict(
            "VOLUME_DAMAGED",
            f"Backup `{copy.name}` is not what was written: its SHA-256 differs.",
            hint="Restore another backup.",
            details={"expected": copy.sha256, "found": digest.hexdigest()},
        )


def bring_back(contents: Contents, old: Volume, new: Volume, copy: Copy) -> int:
    """Make generation `new` of a backup; the bytes it takes. `old` stays as it is.

    Raises FabricError, and then leaves nothing.

    A sealed volume becomes a sealed one again, after every byte of the backup was authenticated.
    """
    check_copy(old, copy)
    with told(old), Path(copy.path).open("rb") as file:
        if not new.sealed:
            contents.unpack(new, contents.opened(file, copy.encrypted))
            return contents.measure(new).used
        plain, used = contents.opened(file, copy.encrypted), 0
        while block := plain.read(BLOCK):
            used += len(block)
        file.seek(0)
        with draft(contents.sealed(new)) as out:
            while block := file.read(BLOCK):
                out.write(block)
        return used


def over_their_time(volume: Volume, now_ns: int) -> list[Copy]:
    """Backups older than the retention. To be asked after a new one was made: then one is always left."""
    oldest = now_ns - round(volume.spec.backup.retention * 1e9)
    return [each for each in volume.copies if each.created_at_ns < oldest]


def remove_copy(volume: Volume, copy: Copy) -> None:
    """Remove a backup's files; those that are gone are no error. Raises Unavailable VOLUME_UNAVAILABLE."""
    with told(volume):
        path = Path(copy.path)
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".sha256").unlink(missing_ok=True)


def tidy_copies(contents: Contents, volume: Volume) -> None:
    """Remove what a crash left of backups half made. Raises Unavailable VOLUME_UNAVAILABLE."""
    # A destination may hold the backups of volumes whose names only begin alike.
    ours = re.compile(rf"\.{re.escape(volume.spec.name)}-\d{{8}}T\d{{6}}Z[-.\w]*\.part", re.ASCII)
    folder = _folder(contents, volume)
    with told(volume):
        for path in [*folder.iterdir()] if folder.is_dir() else []:
            if ours.fullmatch(path.name):
                path.unlink()


def _folder(contents: Contents, volume: Volume) -> Path:
    destination = volume.spec.backup.destination
    return contents.folder(volume) / BACKUPS if destination is None else Path(destination_path(destination))


def _free_path(folder: Path, volume: Volume, now_ns: int) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ns // 1_000_000_000))
    end = ".tar.sealed" if volume.spec.encrypted else ".tar"
    turns = chain([""], (f"-{number}" for number in count(2)))
    paths = (folder / f"{volume.spec.name}-{stamp}{turn}{end}" for turn in turns)
    return next(each for each in paths if not each.exists())


class _Counted:
    """A file whose bytes are counted and digested while they are written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = sha256()
        self.count = 0

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.count += len(data)
        return self._file.write(data)
