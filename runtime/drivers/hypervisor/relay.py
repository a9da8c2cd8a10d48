"""Relay: a way to another machine's libvirtd that we hold both ends of.

libvirt's client would look the host's name up by itself, trust what its own folders say, run any program that a URI
names, and hang for as long as the host does. Here it speaks to a Unix socket of ours instead. What is at the far end
was dialled by us: an address that was checked, a certificate or a key that was expected. Ending the relay frees whoever
hangs.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from catalog.errors import FabricError
from runtime.drivers.hypervisor.lines import unix_uri
from runtime.drivers.hypervisor.place import Place

_PIECE = 65_536
_ENDS_WITHIN = 3.0


class Far:
    """The far end: what is read from it, what is written to it, how it is ended, and why it ended by itself."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        end: Callable[[], None],
        why: Callable[[], Awaitable[FabricError | None]],
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.end = end
        self.why = why


class Relay:
    """Implements Line. Takes one connection, from libvirt's client in this process, and passes it on."""

    severable = True

    def __init__(self, place: Place, far: Far, folder: Path) -> None:
        self._far = far
        self._folder = folder
        self._server: asyncio.Server | None = None
        self._passing: asyncio.Task[None] | None = None
        self.uri = unix_uri(place, str(folder / "libvirt"))

    @classmethod
    async def open(cls, place: Place, far: Far) -> "Relay":
        """A relay to `far`, which is its own from now on."""
        try:
            # Only we may enter a folder that mkdtemp made.
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="fabric-libvirt-"))
            made = cls(place, far, folder)
            made._server = await asyncio.start_unix_server(made._joined, folder / "libvirt")
        except BaseException:
            far.end()
            raise
        return made

    async def why(self) -> FabricError | None:
        """Why the far end ended, where it is known."""
        try:
            async with asyncio.timeout(_ENDS_WITHIN):
                return await self._far.why()
        except TimeoutError:
            return None

    def close(self) -> None:
        """End it, on both sides and at once."""
        self._shut_door()
        self._far.end()
        if self._passing is not None:
            self._passing.cancel()

    def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._shut_door()
        self._passing = asyncio.create_task(self._pass(reader, writer), name="libvirt-relay")

    def _shut_door(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            # Two entries in a folder of ours.
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ways = {
            asyncio.create_task(_pump(reader, self._far.writer)),
            asyncio.create_task(_pump(self._far.reader, writer)),
        }
        try:
            # Whoever hangs up first ends it for both.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ways:
                each.cancel()
            writer.transport.abort()
            self._far.end()
            await asyncio.wait(ways)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    except OSError:
        return
