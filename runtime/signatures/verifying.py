"""Verifying inbound webhooks: the format by a strict expression first, then a comparison whose time tells nothing."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from runtime.signatures.keys import (
    Keys,
    Pairs,
    Rejected,
    check_window,
    decode_base64,
    fabric_keys,
    header,
    plain_keys,
    read_timestamp,
    standard_keys,
)

MAX_ENTRIES = 32
"""Signatures looked at in one header."""

_HEX = re.compile(r"[0-9a-f]{64}\Z")
_PREFIXED_HEX = re.compile(r"sha256=[0-9a-f]{64}\Z")
_ENTRY = re.compile(r"(v[0-9]+[a-z]?),([A-Za-z0-9+/]+={0,2})\Z")
# Visible ASCII without the dot: with one, id and timestamp could be cut apart at another place.
_ID = re.compile(r"[!-\-/-~]{1,256}\Z")


def verify(
    scheme: str, headers: Pairs, body: bytes, secrets: Iterable[str], now: float, tolerance: float = 300.0
) -> str:
    """Does one of `secrets` vouch for this delivery? "OK", or the reason's code; never an exception for what came in.

    `scheme` is `standard` (the Standard Webhooks triple), `fabric` (`timestamp.body` in X-Fabric-Signature), `github`
    or `stripe`: it comes from our configuration, never from the message. `body` is the raw bytes, `now` and
    `tolerance` are seconds. Raises KeyError for a scheme that does not exist.
    """
    check = _SCHEMES[scheme]
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    try:
        check(pairs, body, tuple(secrets), now, tolerance)
    except Rejected as reason:
        return reason.code
    return "OK"


def own_scheme(headers: Pairs) -> str:
    """Which of our two schemes a delivery to a key without a scheme uses: the triple wherever it is present.

    Our own deliveries carry both, and the X-Fabric-Signature beside a triple covers the body alone.
    """
    names = {key.lower() for key, _ in (headers.items() if isinstance(headers, Mapping) else headers)}
    return "standard" if "webhook-signature" in names else "fabric"


def delivery_id(headers: Pairs) -> str | None:
    """What a repeat of the same delivery has in common with the first: its `webhook-id`; None where it has none."""
    try:
        return header(headers, "webhook-id", "ID")
    except Rejected:
        return None


def _fabric(headers: Pairs, body: bytes, secrets: Sequence[str], now: float, tolerance: float) -> None:
    keys = fabric_keys(secrets)
    signature = header(headers, "x-fabric-signature", "SIGNATURE")
    stamp = header(headers, "x-fabric-timestamp", "TIMESTAMP")
    timestamp = read_timestamp(stamp)
    if not _PREFIXED_HEX.match(signature):
        raise Rejected("SIGNATURE_MALFORMED")
    check_window(timestamp, now, tolerance)
    _need_hex_match(keys, f"{timestamp}.".encode() + body, [signature.removeprefix("sha256=")])


def _standard(headers: Pairs, body: bytes, secrets: Sequence[str], now: float, tolerance: float) -> None:
    keys = standard_keys(secrets)
    identity = header(headers, "webhook-id", "ID")
    stamp = header(headers, "webhook-timestamp", "TIMESTAMP")
    signature = header(headers, "webhook-signature", "SIGNATURE")
    if not _ID.match(identity):
        raise Rejected("ID_MALFORMED")
    timestamp = read_timestamp(stamp)
    symmetric, public = _entries(signature)
    if not (symmetric and keys.hmac) and not (public and keys.public):
        raise Rejected("SIGNATURE_MALFORMED")
    check_window(timestamp, now, tolerance)
    signed = f"{identity}.{timestamp}.".encode() + body
    matched = False
    for key in keys.hmac:
        expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
        for entry in symmetric:
            matched |= hmac.compare_digest(expected, entry.encode())
    for key in keys.public:
        for entry in public:
            matched |= _ed25519_holds(key, entry, signed)
    if not matched:
        raise Rejected("SIGNATURE_MISMATCH")


def _entries(signature: str) -> tuple[list[str], list[str]]:
    """The `v1` and the `v1a` signatures of a list; other versions are other receivers' business."""
    texts = signature.split(" ")
    if len(texts) > MAX_ENTRIES:
        raise Rejected("SIGNATURE_MALFORMED")
    found: dict[str, list[str]] = {"v1": [], "v1a": []}
    for text in texts:
        entry = _ENTRY.match(text)
        if entry is None:
            raise Rejected("SIGNATURE_MALFORMED")
        found.setdefault(entry[1], []).append(entry[2])
    return found["v1"], found["v1a"]


def _ed25519_holds(key: bytes, entry: str, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(decode_base64(entry) or b"", signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _github(headers: Pairs, body: bytes, secrets: Sequence[str], now: float, tolerance: float) -> None:
    keys = plain_keys(secrets)
    signature = header(headers, "x-hub-signature-256", "SIGNATURE")
    if not _PREFIXED_HEX.match(signature):
        raise Rejected("SIGNATURE_MALFORMED")
    _need_hex_match(keys, body, [signature.removeprefix("sha256=")])


def _stripe(headers: Pairs, body: bytes, secrets: Sequence[str], now: float, tolerance: float) -> None:
    keys = plain_keys(secrets)
    parts = [part.partition("=") for part in header(headers, "stripe-signature", "SIGNATURE").split(",")]
    if len(parts) > MAX_ENTRIES or not all(equals for _, equals, _ in parts):
        raise Rejected("SIGNATURE_MALFORMED")
    timestamp = read_timestamp(header([(name, value) for name, _, value in parts], "t", "TIMESTAMP"))
    signatures = [value for name, _, value in parts if name == "v1"]
    if not signatures or not all(_HEX.match(each) for each in signatures):
        raise Rejected("SIGNATURE_MALFORMED")
    check_window(timestamp, now, tolerance)
    _need_hex_match(keys, f"{timestamp}.".encode() + body, signatures)


def _need_hex_match(keys: Keys, signed: bytes, signatures: Sequence[str]) -> None:
    matched = False
    for key in keys.hmac:
        expected = hmac.digest(key, signed, hashlib.sha256).hex().encode()
        for each in signatures:
            matched |= hmac.compare_digest(expected, each.encode())
    if not matched:
        raise Rejected("SIGNATURE_MISMATCH")


_SCHEMES: Mapping[str, Callable[[Pairs, bytes, Sequence[str], float, float], None]] = {
    "fabric": _fabric,
    "standard": _standard,
    "github": _github,
    "stripe": _stripe,
}

SCHEMES = tuple(_SCHEMES)
"""The names `verify` knows."""
