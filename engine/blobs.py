"""BlobFolder: bytes in files named by their SHA-256, written whole, read only when they are what they were."""

import errno
import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog.errors import Conflict, NotFound, Unavailable
from engine import failpoints
from engine.folders import sync_folder

_NAME = re.compile(r"[0-9a-f]{64}\Z")
_DRAFT = ".draft-"
_LOCK = ".lock"


class BlobFolder:
    """A folder of blobs. Every method blocks on the disk: call it in a thread.

    A blob's modification time is when it was last asked for by a writer (`now` of the caller's clock), and its age
    counts from there. Folder 0700, files 0600.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, content: bytes, now: float) -> str:
        """Keep bytes, synced with their folder, before their name (hex SHA-256) is returned.

        It always writes anew: a blob that was damaged is whole again, and its age starts over.
        """
        name = hashlib.sha256(content).hexdigest()
        draft = self._folder / f"{_DRAFT}{os.getpid()}-{os.urandom(8).hex()}"
        with self._locked(fcntl.LOCK_SH):
            try:
                _write_synced(draft, content, now)
                draft.replace(self._folder / name)
                failpoints.hit("artifact.keep.after_rename")
            except OSError:
                draft.unlink(missing_ok=True)
                raise
            sync_folder(self._folder)
        return name

    def touch(self, name: str, now: float) -> bool:
        """Start a blob's age over. False where there is none."""
        with self._locked(fcntl.LOCK_SH):
            try:
                os.utime(self._path(name), (now, now), follow_symlinks=False)
            except FileNotFoundError:
                return False
        return True

    def read(self, name: str, sha256: str, size: int, *, newer_than: float = 0.0) -> bytes:
        """The whole blob, hashed from the very bytes that are returned.

        Raises NotFound ARTIFACT_GONE (absent, or not newer than that), Conflict ARTIFACT_ALTERED, Unavailable
        ARTIFACT_UNREADABLE.
        """
        descriptor = self._opened(name)
        try:
            found = os.fstat(descriptor)
            if found.st_mtime <= newer_than:
                raise gone(name)
            if not stat.S_ISREG(found.st_mode) or found.st_size != size:
                raise _altered(name)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                content = file.read(size + 1)
        finally:
            os.close(descriptor)
        if len(content) != size or hashlib.sha256(content).hexdigest() != sha256:
            raise _altered(name)
        return content

    def total(self) -> int:
        """Bytes held."""
        total = 0
        for entry in self._entries():
            with suppress(FileNotFoundError):
                total += entry.stat(follow_symlinks=False).st_size
        return total

    def sweep(self, older_than: float, keeps: Callable[[str], bool]) -> int:
        """Delete what is older and what `keeps` does not name; drafts that a crash left behind too. How many went.

        The age is looked at again under the lock that writers hold, so a blob that is asked for meanwhile stays.
        """
        deleted = 0
        for entry in self._entries():
            if keeps(entry.name):
                continue
            with self._locked(fcntl.LOCK_EX):
                try:
                    if entry.stat(follow_symlinks=False).st_mtime >= older_than:
                        continue
                    failpoints.hit("artifact.collect.before_unlink")
                    entry.unlink()
                    failpoints.hit("artifact.collect.after_unlink")
                except FileNotFoundError:
                    continue
            deleted += 1
        return deleted

    def _opened(self, name: str) -> int:
        try:
            return os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise gone(name) from None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise _altered(name) from None
            raise Unavailable(
                "ARTIFACT_UNREADABLE",
                f"Artifact `{name[:16]}` cannot be read: {error.strerror}.",
                hint="Check who owns the artifact folder.",
            ) from None

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise gone(name)
        return self._folder / name

    def _entries(self) -> Iterator[Path]:
        for entry in self._folder.iterdir():
            if _NAME.match(entry.name) or entry.name.startswith(_DRAFT):
                yield entry

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)


def _write_synced(path: Path, content: bytes, now: float) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.utime(file.fileno(), (now, now))
        failpoints.hit("artifact.keep.before_sync")
        os.fsync(file.fileno())
        failpoints.hit("artifact.keep.after_sync")


def gone(name: str) -> NotFound:
    """The error for bytes that are no longer there."""
    return NotFound(
        "ARTIFACT_GONE",
        f"Artifact `{name[:16]}` is no longer there.",
        hint="The broker keeps an artifact for one hour; produce it again.",
    )


def _altered(name: str) -> Conflict:
    return Conflict(
        "ARTIFACT_ALTERED",
        f"The bytes of artifact `{name[:16]}` are not the ones that were kept.",
        hint="Reject the change and stage it anew; find out who writes into the artifact folder.",
    )
