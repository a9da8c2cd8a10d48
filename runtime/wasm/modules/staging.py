"""Staging: where blobs wait until their module is complete. What is never committed leaves nothing behind."""

import contextlib
import fcntl
import hashlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from catalog.errors import Invalid, TooLarge, Unavailable
from runtime.forms.plain_file import open_plain
from runtime.wasm.modules.manifest import Descriptor

PREFIX = ".staging-"
BLOB_MOST = 512 * 1024 * 1024
"""Bytes of one blob."""
_PIECE = 1024 * 1024
_READ_ONLY = 0o444
FRESH = 3600.0
"""Seconds for which what nobody owns may be somebody's who is about to say so."""


class Staging:
    """A directory beside the blobs. Files in it are named by their digest and synced before anybody may see them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, pieces: Iterable[bytes], media_type: str, *, wanted: Descriptor | None = None) -> Descriptor:
        """Keep a blob; with `wanted` it must have that digest and size.

        Raises Unavailable MODULE_CORRUPT where it has another, TooLarge MODULE_TOO_LARGE.
        """
        most = BLOB_MOST if wanted is None else wanted.size
        digest, size = hashlib.sha256(), 0
        with _told(self.folder):
            descriptor, draft = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            for piece in pieces:
                size += len(piece)
                if size > BLOB_MOST:
                    raise TooLarge("MODULE_TOO_LARGE", f"A layer has over {BLOB_MOST} bytes.", hint="Make it smaller.")
                if size > most:
                    raise corrupt(wanted, "it is longer than its descriptor says")
                digest.update(piece)
                _write_all(file, piece, self.folder)
            with _told(self.folder):
                os.fchmod(file.fileno(), _READ_ONLY)
                os.fsync(file.fileno())
        found = Descriptor(media_type=media_type, digest=f"sha256:{digest.hexdigest()}", size=size)
        if wanted is not None and (found.digest, found.size) != (wanted.digest, wanted.size):
            raise corrupt(wanted, f"its content has the digest `{found.digest}` and {size} bytes")
        Path(draft).rename(self.folder / found.hex)
        return found

    def put_file(self, path: Path, media_type: str) -> Descriptor:
        """Keep a copy of a file. Raises what `put` raises; Invalid FILE_UNREADABLE."""
        return self.put(_pieces(path), media_type)

    def link(self, blob: Path, hex_digest: str) -> bool:
        """Hold on to a blob that is there already, so that nobody's clean-up takes it away; False where it is not.

        Raises Unavailable MODULE_STORE.
        """
        try:
            os.link(blob, self.folder / hex_digest)
        except FileNotFoundError:
            return False
        except FileExistsError:
            return True
        except OSError as error:
            raise store_failed(self.folder, error.strerror or str(error)) from None
        return True

    def blobs(self) -> list[Path]:
        """What is complete here."""
        return [each for each in self.folder.iterdir() if len(each.name) == 64]


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with open_plain(path) as file:
            while piece := file.read(_PIECE):
                yield piece
    except OSError as error:
        raise unreadable(path, error) from None


def _write_all(file: io.FileIO, piece: bytes, folder: Path) -> None:
    rest = memoryview(piece)
    with _told(folder):
        while rest:
            rest = rest[file.write(rest) :]


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise store_failed(folder, error.strerror or str(error)) from None


@contextlib.contextmanager
def staging(folder: Path) -> Iterator[Staging]:
    """A staging directory in `folder` that is gone afterwards. Those of processes that died are swept."""
    sweep(folder)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield Staging(path)
    finally:
        shutil.rmtree(path)
        os.close(held)


def sweep(folder: Path) -> None:
    """Remove staging directories whose owner is gone: nobody holds their lock."""
    for path in folder.glob(f"{PREFIX}*"):
        try:
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            _remove_left(path)
        finally:
            os.close(held)


def _remove_left(path: Path) -> None:
    # A fresh directory is not locked for a moment; it is empty then and left for its owner.
    if any(path.iterdir()) or time.time() - path.stat().st_mtime > FRESH:
        shutil.rmtree(path, ignore_errors=True)


def corrupt(wanted: Descriptor | None, why: str) -> Unavailable:
    """The failure of content that is not what its digest promised."""
    name = wanted.digest if wanted else "A blob"
    return Unavailable("MODULE_CORRUPT", f"`{name}` is damaged: {why}.", hint="Remove the module; pull or build again.")


def unreadable(path: Path, error: OSError) -> Invalid:
    """The failure of a file that somebody named."""
    message = f"`{path}` cannot be read: {error.strerror or error}."
    return Invalid("FILE_UNREADABLE", message, hint="Check its name and mode.")


def store_failed(path: Path, why: str) -> Unavailable:
    """The failure of the store's own files."""
    return Unavailable("MODULE_STORE", f"`{path}` cannot be used: {why}.", hint="Check its space, owner and mode.")
