"""Seal: secrets and credentials at rest, under a key that lives in the data directory."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from catalog.errors import Unavailable
from engine import failpoints
from engine.folders import sync_folder

KEY_FILE = "seal.key"
"""One Fernet key a line, the newest first; mode 0600."""


class FernetSeal:
    """AES-128-CBC with HMAC-SHA256 (Fernet). It seals under the first key and opens under any of its `count` keys."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.adopt(keys)

    def seal(self, plain: bytes) -> bytes:
        """Encrypt and authenticate."""
        return self._keys.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes. Raises Unavailable SEAL_BROKEN."""
        try:
            return self._keys.decrypt(sealed)
        except InvalidToken:
            raise _broken() from None

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same plain bytes under the newest key: `sealed` itself where it is already; None if no key opens it."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            pass
        else:
            return sealed
        try:
            return self._keys.rotate(sealed)
        except InvalidToken:
            return None

    def adopt(self, keys: Sequence[bytes], retired: Sequence[bytes] = ()) -> None:
        """From now on these, the newest first. Raises ValueError for none, or one that is no key.

        `retired` ones still open what somebody has read before and opens now; they are kept nowhere else.
        """
        opened = [Fernet(each) for each in (*keys, *retired)]
        self._keys, self._newest, self.count = MultiFernet(opened), opened[0], len(keys)


def open_seal(data_dir: Path) -> FernetSeal:
    """The seal of this data directory; its key file is made on the first call.

    Raises Unavailable SEAL_EXPOSED where others may read the file, SEAL_KEY where it holds no usable key.
    """
    path = data_dir / KEY_FILE
    try:
        return FernetSeal(_read(path))
    except FileNotFoundError:
        _write_new(path, [Fernet.generate_key()])
        return FernetSeal(_read(path))


def add_key(data_dir: Path) -> list[bytes]:
    """Put a fresh key before those of the file; all of them, the newest first. What is sealed stays readable. Blocks.

    Raises Unavailable SEAL_EXPOSED, SEAL_KEY, SEAL_UNWRITTEN; the file is then as it was.
    """
    return _replace(data_dir, [Fernet.generate_key(), *_read(data_dir / KEY_FILE)], "seal.add")


def keep_newest(data_dir: Path) -> list[bytes]:
    """Drop all keys of the file but the newest, which is what stays. Blocks. Raises as `add_key`."""
    return _replace(data_dir, _read(data_dir / KEY_FILE)[:1], "seal.drop")


def _replace(data_dir: Path, keys: list[bytes], point: str) -> list[bytes]:
    path = data_dir / KEY_FILE
    try:
        # What a process that was killed has left behind holds keys, too.
        for left in data_dir.glob(f"{KEY_FILE}.*"):
            left.unlink()
        draft = _drafted(path, keys, point)
        draft.replace(path)
        sync_folder(data_dir)
    except OSError as error:
        raise Unavailable(
            "SEAL_UNWRITTEN",
            f"`{path}` cannot be written: {(error.strerror or type(error).__name__).lower()}.",
            hint="Make room on that disk and writable for the server's user; nothing has changed.",
        ) from None
    failpoints.hit(f"{point}.after_rename")
    return keys


def _read(path: Path) -> list[bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            raise Unavailable(
                "SEAL_EXPOSED", f"Others may read `{path}`, the key of all secrets.", hint=f"chmod 600 {path}"
            )
        lines = file.read().split()
    if not lines or not all(map(_is_key, lines)):
        raise Unavailable("SEAL_KEY", f"`{path}` holds no usable key.", hint="Restore it from a backup.")
    return lines


def _is_key(line: bytes) -> bool:
    try:
        Fernet(line)
    except ValueError:
        return False
    return True


def _write_new(path: Path, keys: list[bytes]) -> None:
    """Appear whole or not at all: another process that makes the file at the same moment wins or loses, never both."""
    draft = _drafted(path, keys)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def _drafted(path: Path, keys: list[bytes], point: str = "") -> Path:
    """A synced file beside `path`, for its owner alone."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        failpoints.hit(f"{point}.before_sync")
        os.fsync(descriptor)
    failpoints.hit(f"{point}.after_sync")
    return draft


def _broken() -> Unavailable:
    return Unavailable(
        "SEAL_BROKEN",
        "A sealed value does not open: the key is another, or its bytes were altered.",
        hint=f"Restore `{KEY_FILE}` of this data directory, or set the secret again.",
    )
