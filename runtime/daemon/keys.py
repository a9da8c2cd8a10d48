"""ApiKeys: who may ask the daemon, where it asks for keys. Made, listed and revoked by `fabricksd api-key`."""

import fcntl
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from catalog.catalog import nearest
from catalog.errors import Invalid, NotFound, Unavailable
from runtime.clock import Clock, SystemClock, rfc3339
from runtime.daemon.files import replace_file

PREFIX = "fabk_"
LABEL_MOST = 100
USED_EVERY_NS = 60 * 10**9
"""How exact `last_used` is: a key in constant use is written down once a minute."""

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept: its SHA-256 alone, which is enough for 256 random bits. Times are RFC 3339."""

    id: str
    sha256: str
    label: str = ""
    created: str
    last_used: str | None = None


class _File(msgspec.Struct, frozen=True, kw_only=True):
    keys: tuple[ApiKey, ...] = ()


class ApiKeys:
    """The keys in one file (0600), which the daemon and the command line share.

    The daemon sees within one request what the command line has changed. Calls block for a moment.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()
        self._used: dict[str, int] = {}

    def generate(self, label: str = "") -> tuple[ApiKey, str]:
        """A new key and its text, which is shown this once and kept nowhere. Raises Invalid, Unavailable."""
        if len(label) > LABEL_MOST or not label.isprintable():
            raise Invalid("INVALID_REQUEST", f"The label is over {LABEL_MOST} characters, or not printable.")
        text = PREFIX + secrets.token_urlsafe(32)
        with self._changing() as keys:
            key = ApiKey(
                id="key-" + "".join(secrets.choice(_LETTERS) for _ in range(6)),
                sha256=_digest(text),
                label=label,
                created=rfc3339(self._clock.now_ns()),
            )
            self._write((*keys, key))
        return key, text

    def list(self) -> "list[ApiKey]":
        """Every key, oldest first. Raises Unavailable KEYS_UNREADABLE."""
        self._look()
        return [*self._keys]

    def revoke(self, key_id: str) -> ApiKey:
        """Let a key count no more. Raises NotFound KEY_NOT_FOUND, Unavailable."""
        with self._changing() as keys:
            gone = next((each for each in keys if each.id == key_id), None)
            if gone is None:
                near = nearest(key_id, [each.id for each in keys])
                hint = f"Did you mean `{near}`?" if near else "`fabricksd api-key list` shows which keys there are."
                raise NotFound("KEY_NOT_FOUND", f"There is no API key `{key_id}`.", hint=hint)
            self._write(tuple(each for each in keys if each.id != key_id))
        return gone

    def check(self, text: str) -> str | None:
        """The id of the key that `text` is, None where it is none. How long it takes tells nothing of the keys.

        Raises Unavailable KEYS_UNREADABLE, so that a damaged file is not taken for a wrong key.
        """
        self._look()
        digest, found = _digest(text), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key.id
        if found is not None:
            self._note_use(found)
        return found

    def _note_use(self, key_id: str) -> None:
        now = self._clock.now_ns()
        if now - self._used.get(key_id, 0) < USED_EVERY_NS:
            return
        self._used[key_id] = now
        try:
            with self._changing(wait=False) as keys:
                self._write(
                    tuple(
                        msgspec.structs.replace(each, last_used=rfc3339(now)) if each.id == key_id else each
                        for each in keys
                    ),
                    durable=False,
                )
        except (BlockingIOError, Unavailable):
            pass  # somebody else writes, or nobody can: the key counts all the same, and the next minute says so

    @contextmanager
    def _changing(self, *, wait: bool = True) -> Iterator[tuple[ApiKey, ...]]:
        """The keys as they are, while no other process changes them."""
        with _told(self._path):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path.with_name(self._path.name + ".lock"), flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                self._seen = None
                self._look()
                yield self._keys
            finally:
                os.close(descriptor)

    def _write(self, keys: tuple[ApiKey, ...], *, durable: bool = True) -> None:
        content = msgspec.json.format(msgspec.json.encode(_File(keys=keys)), indent=2)
        replace_file(self._path, content + b"\n", durable=durable)
        self._seen = None

    def _look(self) -> None:
        with _told(self._path):
            try:
                found = self._path.stat()
            except FileNotFoundError:
                self._seen, self._keys = None, ()
                return
            seen = (found.st_mtime_ns, found.st_ino, found.st_size)
            if seen != self._seen:
                self._keys = msgspec.json.decode(self._path.read_bytes(), type=_File).keys
                self._seen = seen


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise
    except (OSError, msgspec.DecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Unavailable(
            "KEYS_UNREADABLE",
            f"The API keys in `{path}` cannot be used: {why}.",
            hint="Mend the file or its owner, or remove it and make new keys.",
        ) from None


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
