"""Writing: one blob put into a bucket, once, over what it was planned against and nothing else."""

import base64
import hashlib
from collections.abc import Awaitable, Callable

import msgspec

from catalog.errors import Conflict, FabricError, TargetFailed, TargetTimeout
from catalog.jsonvalue import Json
from catalog.provider import Answer, Target
from runtime.drivers.failures import named
from runtime.drivers.storage.bucket import ATTEMPTS, BUSY, Bucket, rest
from runtime.drivers.storage.s3_answers import CHANGE_HEADER, DIGEST_HEADER, error_code

_BROKEN_OFF = ("EGRESS_UNREACHABLE", "EGRESS_PROTOCOL")
_UNCONDITIONAL = frozenset({"NotImplemented", "NotSupported", "UnsupportedHeader"})


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """What is put: bytes and the headers that describe them."""

    content: bytes
    headers: dict[str, str]
    sha256: str


def parcel_of(content: bytes, media_type: str, key: str) -> Parcel:
    """The same for the same bytes and key."""
    digest = hashlib.sha256(content).hexdigest()
    md5 = hashlib.md5(content, usedforsecurity=False).digest()
    return Parcel(
        content=content,
        sha256=digest,
        headers={
            "Content-Type": media_type,
            "Content-MD5": base64.b64encode(md5).decode(),
            DIGEST_HEADER: digest,
            CHANGE_HEADER: hashlib.sha256(key.encode()).hexdigest()[:32],
        },
    )


class Writing:
    """`look` reads what stands at `key`."""

    def __init__(self, target: Target, bucket: Bucket, key: str, look: Callable[[], Awaitable[Json]]) -> None:
        self._target = target
        self._bucket = bucket
        self._key = key
        self._look = look

    async def put(self, content: bytes, media_type: str, key: str, before: Json) -> None:
        """Raises Conflict TARGET_MOVED; TargetTimeout where nobody knows whether it was stored; what Bucket raises."""
        if await self._look() != before:
            raise _moved()
        parcel = parcel_of(content, media_type, key)
        conditional = True
        for attempt in range(ATTEMPTS):
            answer = await self._sent(parcel, before, conditional=conditional)
            if answer is not None and answer.status in (501, 400) and error_code(answer.body) in _UNCONDITIONAL:
                # Many servers know no conditions on writing: what was read a moment ago has to do.
                conditional = False
                answer = await self._sent(parcel, before, conditional=False)
            if answer is not None and answer.status == 412:
                raise _moved()
            if answer is not None and answer.status not in BUSY and answer.status not in (200, 201, 409):
                raise self._bucket.failed(answer)
            # What is there now decides, whatever was answered: a connection may break after the last byte.
            if await self._stands(parcel, before, sure=answer is not None and answer.status in (200, 201)):
                return
            if attempt < ATTEMPTS - 1:
                await rest(attempt)
        raise TargetFailed("TARGET_REFUSED", f"{named(self._target)} refuses: it does not store the blob.", hint=_AGAIN)

    async def _sent(self, parcel: Parcel, before: Json, *, conditional: bool) -> Answer | None:
        """None: it broke off, before or after the server had it."""
        headers = {**parcel.headers, **(_condition(before) if conditional else {})}
        try:
            return await self._bucket.send("PUT", self._key, headers=headers, body=parcel.content)
        except TargetFailed as error:
            if error.code not in _BROKEN_OFF:
                raise
            return None

    async def _stands(self, parcel: Parcel, before: Json, *, sure: bool) -> bool:
        """Is the blob there? False: it still is as before. Raises Conflict TARGET_MOVED for anything else."""
        try:
            present = await self._look()
        except FabricError as error:
            if sure:
                return True
            raise TargetTimeout(
                "TARGET_TIMEOUT",
                f"{named(self._target)} breaks off, and whether it has stored the blob cannot be seen.",
                hint="Look whether it is there before doing it again.",
            ) from error
        if present.get("sha256") == parcel.sha256 and present.get("size") == len(parcel.content):
            return True
        if present == before and not sure:
            return False
        raise _moved()


def _condition(before: Json) -> dict[str, str]:
    """What the server is to compare with; it says so before it is sent the content, or its refusal would be lost."""
    if before["kind"] == "absent":
        return {"If-None-Match": "*", "Expect": "100-continue"}
    return {"If-Match": f'"{before["etag"]}"', "Expect": "100-continue"} if before.get("etag") else {}


def _moved() -> Conflict:
    return Conflict(
        "TARGET_MOVED",
        "Something else has come to stand at `path`.",
        hint="Look at it, and run the Connection again for a new change.",
    )


_AGAIN = "Look at its own log for the reason, and run the Connection again later."
