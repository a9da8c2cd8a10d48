"""Eyes: the processes that decode what cameras send, as the server holds them."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog

from catalog.provider import Target
from runtime.drivers.cameras.eye.framing import LENGTHS, framed, lengths_of
from runtime.drivers.cameras.eye.job import Job, Told, Unseen
from runtime.drivers.cameras.limits import AT_ONCE
from runtime.drivers.failures import busy
from runtime.drivers.link import Link

_log = structlog.get_logger()

_MODULE = "runtime.drivers.cameras.eye"
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""All of the environment that an eye is given, besides where programs are."""


class Eye:
    """One process with one job. Start it on the event loop; `end` it in any case."""

    def __init__(self, *, warm: bool) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-m", _MODULE, str(os.getpid()), *(["warm"] if warm else [])]
        environment = {name: os.environ[name] for name in _TRUST if name in os.environ}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", **environment},
                cwd="/",
            )
        self._socket: socket.socket | None = ours
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def alive(self) -> bool:
        """Has it not ended by itself?"""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def give(self, header: Job | dict[str, str], body: bytes = b"") -> None:
        """The job, and after it pictures, where the job is to look at some. Raises Unseen where it has ended."""
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_unix_connection(sock=self._socket)
                self._socket = None
            self._writer.write(framed(msgspec.json.encode(header), body))
            await self._writer.drain()
        except OSError:
            raise Unseen("broken") from None

    async def told(self) -> tuple[Told, bytes]:
        """What it tells next, and the picture. Raises Unseen with the reason why there is nothing to see."""
        if self._reader is None:
            raise ValueError("an eye without a job tells nothing")
        try:
            header, body = lengths_of(await self._reader.readexactly(LENGTHS.size))
            content = await self._reader.readexactly(header + body)
            told = msgspec.json.decode(content[:header], type=Told)
        except (asyncio.IncompleteReadError, OSError, ValueError):
            # It ended in the middle: too much memory, too much time, or what it decoded was its end.
            raise Unseen("broken") from None
        if told.kind == "failed":
            if told.reason == "bug":
                _log.error("eye_bug", detail=told.detail[:200])
            raise Unseen(told.reason or "broken", told.status)
        return told, content[header:]

    def end(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        if self._writer is not None:
            self._writer.transport.abort()
        if self._socket is not None:
            self._socket.close()
        threading.Thread(target=self._process.wait, name="eye-end", daemon=True).start()


class Eyes:
    """One per server, among its residents: a spare eye that is ready, and how many look at each controller."""

    def __init__(self) -> None:
        self._spare: Eye | None = None
        self._looking: Counter[str] = Counter()
        self._closed = False

    @contextmanager
    def looking(self, target: Target) -> Iterator[Eye]:
        """A warm eye for one picture, ended afterwards. Raises Unavailable TARGET_BUSY."""
        with self._place(target):
            eye, self._spare = self._spare, None
            if eye is None or not eye.alive:
                eye = Eye(warm=True)
            try:
                yield eye
            finally:
                eye.end()
                if self._spare is None and not self._closed:
                    self._spare = Eye(warm=True)

    def close(self) -> None:
        """End the spare one; no other is made."""
        self._closed = True
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.end()

    @contextmanager
    def _place(self, target: Target) -> Iterator[None]:
        if self._looking[target.id] >= AT_ONCE:
            raise busy(target)
        self._looking[target.id] += 1
        try:
            yield
        finally:
            self._looking[target.id] -= 1


def eyes_of(link: Link) -> Eyes:
    """The server's."""
    return link.ports.residents.keep(("cameras", "eyes"), Eyes, Eyes.close)
