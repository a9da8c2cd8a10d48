"""Bucket: signed requests to one bucket, sent the guarded way; what is refused is translated.

Only the signature is botocore's. Its own way out would resolve names itself, read proxies and profiles from the
environment, ask the machine's metadata for credentials and read answers of any length.
"""

import asyncio
import random
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from catalog.errors import FabricError, TargetFailed
from catalog.provider import Answer
from runtime.drivers.failures import auth_failed, not_found, refused
from runtime.drivers.link import Link
from runtime.drivers.storage.s3_answers import error_code
from runtime.drivers.storage.settings import S3Credentials, S3Settings

ATTEMPTS = 3
"""A read that breaks off or meets a busy server is sent so often, within its deadline."""

BUSY = frozenset({500, 502, 503, 504})

_ANSWERS = frozenset({200, 206, 404, 416})
_REST = 0.1
_KEYS = frozenset(
    {"SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "ExpiredToken", "InvalidSecurity", "AccessDenied"}
)
_REGION = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"})


class Bucket:
    """What the controller's settings name."""

    def __init__(self, link: Link, settings: S3Settings, credentials: S3Credentials) -> None:
        self._link = link
        self._settings = settings
        token = credentials.session_token or None
        keys = Credentials(credentials.access_key_id, credentials.secret_access_key, token)
        self._signer = S3SigV4Auth(keys, "s3", settings.region)
        self._home = f"{settings.address.rstrip('/')}/{settings.bucket}"

    async def read(
        self, key: str = "", query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET, again if need be. Answers that GET has come back; anything else is raised as `failed` says it.

        There is no HEAD: it cannot say whether bucket or blob is missing, and Swift answers it with a body.
        """
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                answer = await self.send("GET", key, query, headers)
            except TargetFailed as error:
                if last or error.code not in ("EGRESS_UNREACHABLE", "EGRESS_PROTOCOL"):
                    raise
            else:
                if answer.status in _ANSWERS:
                    return answer
                if last or answer.status not in BUSY:
                    raise self.failed(answer)
            await rest(attempt)
        raise AssertionError("the last attempt answers or raises")

    async def send(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """One request, sent once. Raises what the guarded way out raises."""
        url = self._home + (f"/{quote(key, safe='/~')}" if key else "")
        if query:
            url += "?" + urlencode(query, quote_via=quote, safe="~")
        return await self._link.ports.http.send(
            "controller", method, url, self._signed(method, url, headers or {}, body), body, target=self._link.target
        )

    def failed(self, answer: Answer) -> FabricError:
        """What an answer that is no success means."""
        code = error_code(answer.body)
        said = f"it answers {answer.status}" + (f" `{code}`" if code else "")
        target = self._link.target
        if code == "RequestTimeTooSkewed":
            return auth_failed(target, "its clock and ours differ by over a quarter of an hour")
        if answer.status in (401, 403) or code in _KEYS:
            return auth_failed(target, said)
        if code in _REGION or 300 <= answer.status < 400:
            return refused(
                target, f"{said}: the bucket is elsewhere", "Are `address` and `region` those of the bucket?"
            )
        if answer.status == 404:
            return not_found(target, f"no bucket `{self._settings.bucket}`", "Is the setting `bucket` spelt right?")
        return refused(target, said)

    def _signed(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
        self._signer.add_auth(request)
        return {str(name): str(value) for name, value in request.headers.items()}


async def rest(attempt: int) -> None:
    """Before the next attempt: longer each time, and never the same for everybody."""
    await asyncio.sleep(_REST * 2**attempt * (0.5 + random.random()))  # noqa: S311 - jitter
