"""HTTP authentication, Basic and Digest (RFC 7616), as cameras ask for it over HTTP and RTSP alike. Pure."""

import base64
import hashlib
import re
from collections.abc import Callable

import msgspec

_SCHEME = re.compile(r"(?:^|,)\s*(basic|digest)\s+", re.IGNORECASE)
_PAIR = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f]')


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {"md5": _md5, "sha-256": _sha256}


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. An empty `nonce` means Basic."""

    realm: str = ""
    nonce: str = ""
    opaque: str | None = None
    algorithm: str | None = None
    qop: bool = False


def read_challenge(header: str) -> Challenge | None:
    """The strongest challenge of a `WWW-Authenticate` that can be answered; None: there is none."""
    found: list[Challenge] = []
    marks = list(_SCHEME.finditer(header))
    for mark, following in zip(marks, [*marks[1:], None], strict=False):
        text = header[mark.end() : following.start() if following else len(header)]
        pairs = {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(text)}
        each = Challenge() if mark.group(1).lower() == "basic" else _digest(pairs)
        if each is not None:
            found.append(each)
    return max(found, key=_strength, default=None)


def answer(
    challenge: Challenge, username: str, password: str, *, method: str, uri: str, count: int, cnonce: str
) -> str:
    """The `Authorization` for one request. `count` begins at 1 and grows with each use of the same challenge."""
    if not challenge.nonce:
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    hashed = _HASHES[_hash_name(challenge.algorithm)]

    def digest(*parts: str) -> str:
        return hashed(":".join(parts).encode())

    secret = digest(username, challenge.realm, password)
    if (challenge.algorithm or "").lower().endswith("-sess"):
        secret = digest(secret, challenge.nonce, cnonce)
    asked, uses = digest(method, uri), f"{count:08x}"
    between = (uses, cnonce, "auth") if challenge.qop else ()
    facts = {
        "username": _UNSAFE.sub("", username),
        "realm": challenge.realm,
        "nonce": challenge.nonce,
        "uri": uri,
        "response": digest(secret, challenge.nonce, *between, asked),
    }
    if challenge.opaque is not None:
        facts["opaque"] = challenge.opaque
    if challenge.qop or (challenge.algorithm or "").lower().endswith("-sess"):
        facts["cnonce"] = cnonce
    plain = {"algorithm": challenge.algorithm} if challenge.algorithm else {}
    plain |= {"qop": "auth", "nc": uses} if challenge.qop else {}
    written = [f'{name}="{value}"' for name, value in facts.items()]
    return "Digest " + ", ".join([*written, *(f"{name}={value}" for name, value in plain.items())])


def _digest(pairs: dict[str, str]) -> Challenge | None:
    algorithm, nonce, realm = pairs.get("algorithm"), pairs.get("nonce", ""), pairs.get("realm", "")
    offered = [each.strip().lower() for each in pairs.get("qop", "").split(",") if each.strip()]
    usable = _hash_name(algorithm) in _HASHES and bool(nonce) and (not offered or "auth" in offered)
    if not usable or _UNSAFE.search(nonce + realm + pairs.get("opaque", "")):
        return None
    return Challenge(realm=realm, nonce=nonce, opaque=pairs.get("opaque"), algorithm=algorithm, qop=bool(offered))


def _hash_name(algorithm: str | None) -> str:
    return (algorithm or "MD5").lower().removesuffix("-sess")


def _strength(challenge: Challenge) -> int:
    if not challenge.nonce:
        return 0
    return 2 if _hash_name(challenge.algorithm) == "sha-256" else 1
