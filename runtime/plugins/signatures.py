"""Signatures: who vouches for a plugin's module. Payload and signature are cosign's, over the manifest's digest."""

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from catalog.errors import Forbidden, Invalid
from catalog.plugins import Signature

PAYLOAD_MOST = 16 * 1024
TYPE = "cosign container image signature"

TrustedKey = Ed25519PublicKey | EllipticCurvePublicKey


class _Image(msgspec.Struct, rename={"digest": "docker-manifest-digest"}):
    digest: str


class _Identity(msgspec.Struct, rename={"reference": "docker-reference"}):
    reference: str = ""


class _Critical(msgspec.Struct):
    identity: _Identity
    image: _Image
    type: str


class _Payload(msgspec.Struct):
    critical: _Critical
    optional: dict[str, str] | None = None


def read_keys(paths: Sequence[Path]) -> tuple[TrustedKey, ...]:
    """Trusted keys, from PEM files. Raises Invalid SETTING_INVALID that names the file."""
    return tuple(_read_key(each) for each in paths)


def check_signature(keys: Sequence[TrustedKey], digest: str, signature: Signature | None) -> None:
    """Refuse a module that none of `keys` signed. Raises Forbidden PLUGIN_SIGNATURE_MISSING, PLUGIN_SIGNATURE."""
    if signature is None:
        raise Forbidden(
            "PLUGIN_SIGNATURE_MISSING",
            "This server takes signed plugins only, and this one came without a signature.",
            hint="Add it with `--signature`; `fabric plugin sign` and `cosign sign` make one.",
        )
    payload, sealed = _bytes(signature.payload), _bytes(signature.signature)
    if not any(_verifies(key, payload, sealed) for key in keys):
        raise _refused("no trusted key has signed it")
    try:
        said = msgspec.json.decode(payload, type=_Payload).critical
    except msgspec.MsgspecError:
        raise _refused("what was signed is no payload of cosign's") from None
    if said.image.digest != digest or said.type != TYPE:
        raise _refused("what was signed is another module")


def sign(key: bytes, reference: str, digest: str) -> Signature:
    """A signature by an Ed25519 key in PEM. Raises Invalid PLUGIN_KEY."""
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise Invalid(
            "PLUGIN_KEY",
            "The file is no Ed25519 private key in PEM without a passphrase.",
            hint="`openssl genpkey -algorithm ed25519 -out key.pem` makes one.",
        )
    critical = _Critical(identity=_Identity(reference), image=_Image(digest), type=TYPE)
    payload = msgspec.json.encode(_Payload(critical=critical))
    return Signature(
        payload=base64.b64encode(payload).decode(), signature=base64.b64encode(private.sign(payload)).decode()
    )


def _read_key(path: Path) -> TrustedKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _unusable(path, str(error)) from None
    if not isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey):
        raise _unusable(path, "it is neither Ed25519 nor ECDSA")
    return key


def _unusable(path: Path, why: str) -> Invalid:
    return Invalid(
        "SETTING_INVALID",
        f"`FABRIC_PLUGIN_TRUSTED_KEYS` names `{path}`, which is no public key: {why.rstrip('.')}.",
        hint="Name PEM files of Ed25519 or ECDSA public keys, separated by commas.",
    )


def _bytes(text: str) -> bytes:
    try:
        if len(text) > PAYLOAD_MOST:
            raise _refused("it is too long")
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _refused("it is no base64") from None


def _verifies(key: TrustedKey, payload: bytes, sealed: bytes) -> bool:
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(sealed, payload)
        else:
            key.verify(sealed, payload, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _refused(why: str) -> Forbidden:
    return Forbidden("PLUGIN_SIGNATURE", f"The plugin's signature is not acceptable: {why}.", hint="Sign the module.")
