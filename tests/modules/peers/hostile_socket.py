"""What may stand where libvirtd should: a Unix socket that hangs, hangs up, lies about its length or never ends."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_HEADER = struct.Struct(">I")


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    while await reader.read(65536):
        pass


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes as soon as it is spoken to."""
    await reader.read(1)


async def lies_about_its_length(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Announces an answer of nearly 4 GiB."""
    await reader.read(1)
    writer.write(_HEADER.pack(0xFFFFFFF0) + b"x" * 1024)
    await reader.read()


async def talks_something_else(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers as a web server would."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends a gibibyte of answers that nobody has asked for."""
    await reader.read(1)
    size = 1024 * 1024
    message = _HEADER.pack(size) + b"\0" * (size - 4)
    for _ in range(1024):
        writer.write(message)
        await writer.drain()


@asynccontextmanager
async def standing(path: Path, behaviour: Behaviour) -> AsyncIterator[None]:
    """It stands there."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await behaviour(reader, writer)
        except ConnectionError:
            return
        finally:
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()
        for writer in [*writers]:
            writer.transport.abort()


class Gate:
    """A way to a real libvirtd that can be cut: what passes is cut off, and what comes next may pass again.

    `answers` is how many answers still pass; what comes after them is kept back. None: all. `delay` is how many seconds
    each of them is held up.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.path, self._target = path, target
        self.passed = 0
        self.answers: int | None = None
        self.delay = 0.0
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Cut off whatever passes now."""
        for writer in [*self._open]:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        self.passed += 1
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        self._open |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, far_writer))
                pumps.create_task(self._answer(far_reader, writer))
        finally:
            self._open -= {writer, far_writer}

    async def _answer(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while piece := await source.read(65536):
                if self.answers is not None:
                    if not self.answers:
                        continue
                    self.answers -= 1
                await asyncio.sleep(self.delay)
                target.write(piece)
                await target.drain()
        except ConnectionError:
            pass
        target.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
    except ConnectionError:
        pass
    target.close()


@asynccontextmanager
async def gate(path: Path, target: Path) -> AsyncIterator[Gate]:
    """A gate at `path` before the libvirtd at `target`."""
    made = Gate(path, target)
    server = await asyncio.start_unix_server(made.serve, path)
    try:
        yield made
    finally:
        server.close()
        made.cut()
