"""A whole daemon without its API, in the test's own loop and a directory of its own, with real guests."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import msgspec

from catalog.jsonvalue import Json
from runtime.daemon.config import read_config
from runtime.daemon.daemon import Daemon
from runtime.daemon.reading import read_service
from runtime.daemon.services.supervisor import Supervisor
from runtime.egress.client import EgressClient
from runtime.egress.guard import Guard
from runtime.wasm.modules.building import build

GUESTS = Path(__file__).resolve().parents[3] / "samples/services"
CACHE = Path(tempfile.gettempdir()) / "fabric-test-machine-code"
"""Machine code, made once for all tests of this machine: it goes by the module's digest and the compiler's version."""
SECONDS = 20.0


class Reply(msgspec.Struct, frozen=True):
    """An answer over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class House:
    """The daemon and short ways to ask it."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self.daemon = daemon
        self.folder = folder

    async def module(self, name: str) -> str:
        """Store a sample guest as it is committed; its reference."""
        return (await build(GUESTS / name, self.daemon.modules, run_build=False)).reference

    async def service(self, name: str, module: str = "hello", **fields: Json) -> Supervisor:
        """A service of a sample guest, once it runs."""
        image = await self.module(module)
        wanted = {"name": name, "image": image, "networks": ["default"], **fields}
        service = await self.daemon.services.create(read_service(wanted))
        return await self.settled(service.id)

    async def settled(self, name: str, seconds: float = SECONDS) -> Supervisor:
        """The service, once all its replicas are healthy."""
        service = await self.daemon.services.settled(name, seconds)
        assert service.counts.healthy == service.counts.desired, (service.state, service.reason, self.log(name))
        return service

    def log(self, name: str) -> list[str]:
        """What a service's log says."""
        return [each.message for each in self.daemon.logs.of(self.daemon.services.get(name).id).entries()]

    def events(self) -> list[str]:
        """The types of what has happened, the oldest first."""
        return [each.type for each in reversed(self.daemon.events.history(limit=10_000)[0])]


async def fetch(
    port: int, path: str = "/", *, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Reply:
    """One request to a port, on a connection of its own."""
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.request(
            method, f"http://127.0.0.1:{port}{path}", headers=headers, data=body or None, allow_redirects=False
        ) as answer,
    ):
        return Reply(
            answer.status, {name.lower(): value for name, value in answer.headers.items()}, await answer.read()
        )


async def exchange(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send bytes as they are, and read until the other side ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(SECONDS):
            return await reader.read(-1)
    finally:
        writer.close()


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="fb", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def house(folder: Path, *, allowed: tuple[str, ...] = (), **overrides: str) -> AsyncIterator[House]:
    """A daemon on `folder`, started; the same folder again is the daemon started again.

    `scaling__evaluation_interval="1s"` sets [scaling]; `allowed` lists addresses that guests may reach besides.
    """
    CACHE.mkdir(mode=0o700, exist_ok=True)
    named = {name.replace("__", ".", 1): value for name, value in overrides.items()}
    environment = {"HOME": str(folder), "FABRIC_DATA_DIR": str(folder)}
    config, _ = read_config(None, environment, {"runtime.build_cache_dir": str(CACHE), **named})
    daemon = Daemon(config, version="0.0.0", http=EgressClient(Guard(allowed)))
    try:
        await daemon.start()
        yield House(daemon, folder)
    finally:
        await daemon.stop(2.0)
