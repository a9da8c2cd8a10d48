"""Signing keys from configured secrets, and one delivery's headers read without trust."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

import msgspec

SYMMETRIC_PREFIX = "whsec_"
PUBLIC_PREFIX = "whpk_"

_TIMESTAMP = re.compile(r"(?:0|[1-9][0-9]{0,14})\Z")

Pairs = Iterable[tuple[str, str]] | Mapping[str, str]
"""Headers as received: names in any case, repeats possible."""


class Rejected(Exception):
    """A delivery that does not verify, with its reason's code. Never leaves this package."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Keys(msgspec.Struct, frozen=True):
    """What a receiver's secrets give: HMAC keys and Ed25519 public keys."""

    hmac: tuple[bytes, ...] = ()
    public: tuple[bytes, ...] = ()


def decode_base64(text: str) -> bytes | None:
    """The bytes of standard base64, padded or not; None where it is none."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def signing_key(secret: str) -> bytes:
    """The HMAC key of a secret: the decoded `whsec_…`, or the UTF-8 bytes of a plain one.

    Raises Rejected SECRET_EMPTY, SECRET_MALFORMED.
    """
    key = _decoded(secret, SYMMETRIC_PREFIX) if secret.startswith(SYMMETRIC_PREFIX) else secret.encode()
    if not key:
        raise Rejected("SECRET_EMPTY")
    return key


def fabric_keys(secrets: Iterable[str]) -> Keys:
    """Keys for `timestamp.body`. Raises Rejected SECRET_EMPTY where any secret, or the list, is empty."""
    return _need_some(Keys(hmac=tuple(signing_key(secret) for secret in secrets)))


def standard_keys(secrets: Iterable[str]) -> Keys:
    """Keys for the Standard Webhooks triple.

    A secret without prefix counts both ways: as base64 (as the official libraries load it) and as plain text (as we
    sign with it).
    """
    hmac: list[bytes] = []
    public: list[bytes] = []
    for secret in secrets:
        if secret.startswith(PUBLIC_PREFIX):
            public.append(_decoded(secret, PUBLIC_PREFIX))
            continue
        hmac.append(signing_key(secret))
        if not secret.startswith(SYMMETRIC_PREFIX) and (decoded := decode_base64(secret)):
            hmac.append(decoded)
    return _need_some(Keys(tuple(hmac), tuple(public)))


def plain_keys(secrets: Iterable[str]) -> Keys:
    """Keys of schemes whose secret is its own text, `whsec_` included (GitHub, Stripe)."""
    found = tuple(secret.encode() for secret in secrets)
    if not all(found):
        raise Rejected("SECRET_EMPTY")
    return _need_some(Keys(hmac=found))


def _decoded(secret: str, prefix: str) -> bytes:
    found = decode_base64(secret.removeprefix(prefix))
    if found is None:
        raise Rejected("SECRET_MALFORMED")
    if not found:
        raise Rejected("SECRET_EMPTY")
    return found


def _need_some(keys: Keys) -> Keys:
    if not keys.hmac and not keys.public:
        raise Rejected("SECRET_EMPTY")
    return keys


def header(headers: Pairs, name: str, kind: str) -> str:
    """The one value of a header. Raises Rejected {kind}_MISSING, {kind}_DUPLICATE."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found = [value for key, value in pairs if key.lower() == name]
    if not found:
        raise Rejected(f"{kind}_MISSING")
    if len(found) > 1:
        raise Rejected(f"{kind}_DUPLICATE")
    return found[0]


def read_timestamp(text: str) -> int:
    """Seconds since 1970 in canonical decimal. Raises Rejected TIMESTAMP_MALFORMED."""
    if not _TIMESTAMP.match(text):
        raise Rejected("TIMESTAMP_MALFORMED")
    return int(text)


def check_window(timestamp: int, now: float, tolerance: float) -> None:
    """Raises Rejected TIMESTAMP_TOO_OLD, TIMESTAMP_TOO_NEW where it lies more than `tolerance` seconds from now."""
    if timestamp < now - tolerance:
        raise Rejected("TIMESTAMP_TOO_OLD")
    if timestamp > now + tolerance:
        raise Rejected("TIMESTAMP_TOO_NEW")
