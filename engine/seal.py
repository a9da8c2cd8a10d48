"""Seal: secrets and credentials at rest, under a key that lives in the data directory."""

import os
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from catalog.errors import Unavailable
from engine.folders import sync_folder

KEY_FILE = "seal.key"
"""One Fernet key a line, the newest first; mode 0600."""


class FernetSeal:
    """AES-128-CBC with HMAC-SHA256 (Fernet). It seals under the first key and opens under any."""

    def __init__(self, keys: list[Fernet]) -> None:
        self._keys = MultiFernet(keys)

    def seal(self, plain: bytes) -> bytes:
        """Encrypt and authenticate."""
        return self._keys.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """The plain bytes. Raises Unavailable SEAL_BROKEN."""
        try:
            return self._keys.decrypt(sealed)
        except InvalidToken:
            raise _broken() from None

    def reseal(self, sealed: bytes) -> bytes:
        """The same plain bytes under the newest key. Raises Unavailable SEAL_BROKEN."""
        try:
            return self._keys.rotate(sealed)
        except InvalidToken:
            raise _broken() from None


def open_seal(data_dir: Path) -> FernetSeal:
    """The seal of this data directory; its key file is made on the first call.

    Raises Unavailable SEAL_EXPOSED where others may read the file, SEAL_KEY where it holds no usable key.
    """
    path = data_dir / KEY_FILE
    try:
        return _read(path)
    except FileNotFoundError:
        _write_new(path, [Fernet.generate_key()])
        return _read(path)


def rotate_key(data_dir: Path) -> FernetSeal:
    """Put a fresh key before the present ones. What is sealed stays readable; `reseal` moves it over."""
    open_seal(data_dir)
    path = data_dir / KEY_FILE
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _write_new(fresh, [Fernet.generate_key(), *path.read_bytes().split()])
    fresh.replace(path)
    sync_folder(data_dir)
    return _read(path)


def _read(path: Path) -> FernetSeal:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            raise Unavailable(
                "SEAL_EXPOSED", f"Others may read `{path}`, the key of all secrets.", hint=f"chmod 600 {path}"
            )
        lines = file.read().split()
    try:
        keys = [Fernet(line) for line in lines]
    except ValueError:
        keys = []
    if not keys:
        raise Unavailable("SEAL_KEY", f"`{path}` holds no usable key.", hint="Restore it from a backup.")
    return FernetSeal(keys)


def _write_new(path: Path, keys: list[bytes]) -> None:
    """Appear whole or not at all: another process that makes the file at the same moment wins or loses, never both."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        os.fsync(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    sync_folder(path.parent)


def _broken() -> Unavailable:
    return Unavailable(
        "SEAL_BROKEN",
        "A sealed value does not open: the key is another, or its bytes were altered.",
        hint=f"Restore `{KEY_FILE}` of this data directory, or set the secret again.",
    )
