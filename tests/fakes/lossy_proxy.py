"""A TCP proxy that treats the answers of a server as a bad network, or a lying server, would."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

HONEST = "pass"
FAULTS = ("lose", "silence", "delay", "repeat", "garble", "lie")
"""After the server has done what was asked: the connection drops; nothing comes; the answer comes after 0.3 s; it comes
twice; some of its bytes are others; it says the contrary."""


class LossyProxy:
    """Passes requests on as they are. Each piece of an answer suffers one of `faults`, or none, as the dice say."""

    def __init__(self, port: int, seed: int) -> None:
        self.faults: Sequence[str] = FAULTS
        self.share = 0.0
        self.done: Counter[str] = Counter()
        self.port = 0
        self._server_port = port
        self._dice = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, until either side goes."""
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(self._ask(reader, upstream), self._answer(upstream_reader, writer))
        except ConnectionError:
            return  # one side went away in the middle, as they do here
        finally:
            upstream.close()
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1 << 16):
            upstream.write(piece)
            await upstream.drain()
        upstream.close()

    async def _answer(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await upstream.read(1 << 16):
            fault = self._dice.choice(self.faults) if self._dice.random() < self.share else HONEST
            self.done[fault] += 1
            if fault == "lose":
                break
            if fault == "delay":
                await asyncio.sleep(0.3)
            if fault != "silence":
                writer.write(self._altered(fault, piece))
                await writer.drain()
        writer.close()

    def _altered(self, fault: str, piece: bytes) -> bytes:
        if fault == "repeat":
            return piece + piece
        if fault == "lie":
            return piece.replace(b"+OK", b"+??").replace(b"$-1", b"+OK").replace(b"+??", b"$-1")
        if fault == "garble":
            bad = bytearray(piece)
            for _ in range(self._dice.randint(1, 4)):
                bad[self._dice.randrange(len(bad))] = self._dice.randrange(256)
            return bytes(bad)
        return piece


@asynccontextmanager
async def lossy_proxy(port: int, seed: int = 1) -> AsyncIterator[LossyProxy]:
    """A proxy in front of 127.0.0.1:`port`; honest until its `share` is set."""
    proxy = LossyProxy(port, seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
