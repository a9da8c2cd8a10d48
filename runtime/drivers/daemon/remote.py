"""Remote daemons: the services API over HTTP, behind a Unix socket or at a URL with a key."""

import asyncio
import os
import re
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from catalog.daemons import ANSWER_SECONDS, LOCAL_DAEMON
from catalog.errors import Forbidden, TargetFailed, TargetTimeout, TooLarge
from catalog.jsonvalue import Json, compact
from catalog.provider import Http, Target
from runtime.drivers.daemon.envelope import opened

KEY_HEADER = "X-Fabricks-API-Key"
ANSWER_MOST = 8 * 1024 * 1024
CONNECT_SECONDS = 5.0
_CREDENTIALS = struct.Struct("3i")
_CLEAN = re.compile(r"[\x20-\x7e]{1,512}\Z")


class SocketDaemon:
    """A daemon of this machine by its Unix socket. Implements `catalog.daemons.DaemonApi`.

    The daemon of this very process is the first organisation's alone: nobody gets at it by a controller of his own,
    unless `own` says that he may.
    """

    def __init__(self, path: Path, key: str | None = None, *, own: bool = False) -> None:
        self._path = path
        self._key = key
        self._own = own

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Json:
        """See DaemonApi. Raises TargetFailed DAEMON_UNREACHABLE, Forbidden DAEMON_OWN."""
        url = f"http://localhost{_target(path, query)}"
        try:
            if not self._own:
                await asyncio.to_thread(_check_other, self._path)
            async with (
                asyncio.timeout(seconds),
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(path=str(self._path), force_close=True),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
                    auto_decompress=False,
                ) as session,
                session.request(
                    method, url, data=_content(body), headers=_headers(self._key), allow_redirects=False
                ) as response,
            ):
                return opened(response.status, await _whole(response))
        except TimeoutError:
            raise TargetTimeout("EGRESS_TIMEOUT", "The other side did not answer in time.") from None
        except (aiohttp.ClientError, OSError):
            raise TargetFailed(
                "DAEMON_UNREACHABLE",
                "No daemon answers at the controller's socket.",
                hint="Look whether it runs, and whether this server may use its socket.",
            ) from None


class AddressDaemon:
    """A daemon at the controller's address, reached through the guarded way out. Implements DaemonApi."""

    def __init__(self, address: str, key: str | None, http: Http, target: Target) -> None:
        self._address = address.rstrip("/")
        self._key = key
        self._http = http
        self._target = target

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Json:
        """See DaemonApi. Raises what the guarded way out raises besides."""
        url = f"{self._address}{_target(path, query)}"
        content = _content(body) or b""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._http.send(
                    "controller", method, url, _headers(self._key), content, target=self._target, seconds=seconds
                )
        except TimeoutError:
            raise TargetTimeout("EGRESS_TIMEOUT", "The other side did not answer in time.") from None
        if answer.truncated:
            raise _too_large()
        return opened(answer.status, answer.body)


def _check_other(path: Path) -> None:
    """Refuse a socket that this process listens at. Raises Forbidden DAEMON_OWN, OSError where nobody answers."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(CONNECT_SECONDS)
        asked.connect(str(path))
        pid, _, _ = _CREDENTIALS.unpack(asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if pid == os.getpid():
        raise Forbidden(
            "DAEMON_OWN",
            "The controller's socket is that of this server's own daemon.",
            hint=f"Name the controller `{LOCAL_DAEMON}`.",
        )


def _target(path: str, query: Mapping[str, str] | None) -> str:
    return f"/v1/{path}" + (f"?{urlencode(query)}" if query else "")


def _content(body: Json) -> bytes | None:
    return None if body is None else compact(body)


def _headers(key: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key is not None:
        if not _CLEAN.match(key):
            raise TargetFailed("DAEMON_SETTINGS", "The controller's `api_key` cannot be sent in a header.")
        headers[KEY_HEADER] = key
    return headers


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > ANSWER_MOST:
            raise _too_large()
    return bytes(content)


def _too_large() -> TooLarge:
    return TooLarge("OUTPUT_TOO_LARGE", "The daemon answers more than can be taken.", hint="Ask it for less.")
