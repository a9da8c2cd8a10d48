"""Describing: is a stream there? Asked by the server itself, because text of a bounded length needs no eye."""

import asyncio
import contextlib
import io
import os
import ssl

from runtime.drivers.cameras.eye.job import Source, Unseen
from runtime.drivers.cameras.eye.rtsp_text import (
    MAX_LINE,
    MAX_LINES,
    Message,
    judge_description,
    length_of,
    read_head,
    status_of,
)
from runtime.drivers.cameras.eye.upstream import AGENT
from runtime.drivers.cameras.settings import StreamPlace
from runtime.drivers.challenge import Challenge, answer, read_challenge


async def describe(source: Source) -> None:
    """Return if the camera describes that stream as a video. Raises Unseen; the caller bounds the time."""
    async with contextlib.AsyncExitStack() as stack:
        asked = await stack.enter_async_context(_Asked(source))
        reply = await asked.once(None)
        challenge = read_challenge(reply.headers.get("www-authenticate", ""))
        if status_of(reply) == 401 and source.username and challenge is not None:
            try:
                reply = await asked.once(challenge)
            except Unseen as unseen:
                if unseen.reason != "hung_up":
                    raise
                # Some hang up after they have asked for a login.
                again = await stack.enter_async_context(_Asked(source))
                reply = await again.once(challenge)
        judge_description(reply, has_login=bool(source.username))


class _Asked:
    """One connection to the camera."""

    def __init__(self, source: Source) -> None:
        self._source = source
        place = StreamPlace(scheme=source.scheme, host=source.host, port=source.port, path=source.path)
        self._url = place.url
        self._sent = 0

    async def __aenter__(self) -> "_Asked":
        self._reader, self._writer = await self._connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()

    async def once(self, challenge: Challenge | None) -> Message:
        """Ask for the description."""
        self._sent += 1
        headers = {"CSeq": str(self._sent), "Accept": "application/sdp", "User-Agent": AGENT}
        if challenge is not None:
            login = self._source.username, self._source.password
            facts = {"method": "DESCRIBE", "uri": self._url, "cnonce": os.urandom(8).hex()}
            headers["Authorization"] = answer(challenge, *login, count=1, **facts)
        request = Message(first=f"DESCRIBE {self._url} RTSP/1.0", headers=headers)
        try:
            self._writer.write(request.written())
            await self._writer.drain()
            reply = read_head(io.BytesIO(await self._head()))
            reply.body = await self._reader.readexactly(length_of(reply))
        except (asyncio.IncompleteReadError, OSError):
            raise Unseen("hung_up") from None
        return reply

    async def _head(self) -> bytes:
        head = b""
        for _ in range(MAX_LINES + 1):
            try:
                line = await self._reader.readline()
            except ValueError:
                raise Unseen("not_rtsp") from None
            head += line
            if not line.endswith(b"\n"):
                raise Unseen("hung_up")
            if not line.strip():
                return head
        raise Unseen("not_rtsp")

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        source, secured = self._source, None
        if source.scheme == "rtsps":
            secured = await asyncio.to_thread(ssl.create_default_context, cadata=source.authorities or None)
        for address in source.addresses:
            try:
                return await asyncio.open_connection(
                    address,
                    source.port,
                    ssl=secured,
                    server_hostname=source.host if secured else None,
                    limit=MAX_LINE,
                )
            except ssl.SSLCertVerificationError:
                raise Unseen("certificate") from None
            except ssl.SSLError:
                raise Unseen("hung_up") from None
            except OSError:
                continue
        raise Unseen("unreachable")
