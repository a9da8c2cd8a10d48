"""Sample guests, built, in a module store, compiled and running in workers of their own."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from runtime.wasm.compile import Compiler
from runtime.wasm.host.launcher import ZygoteLauncher
from runtime.wasm.launch import Abi, Launch, Mount, Outgoing, Replica
from runtime.wasm.messages import GuestAnswer, Header, decode_answer, encode_request
from runtime.wasm.modules.abi import detect_abi
from runtime.wasm.modules.building import build
from runtime.wasm.modules.store import ModuleStore
from samples.services.build import HERE, STATE

MACHINE_CODE = STATE / "machine-code"
"""What was compiled stays: CPython and Go take seconds."""


class Running:
    """A replica, and what it has printed."""

    def __init__(self) -> None:
        self.replica: Replica
        self.printed = {"stdout": b"", "stderr": b""}
        self._news = asyncio.Event()

    def hear(self, stream: str, piece: bytes) -> None:
        """Takes output."""
        self.printed[stream] += piece
        self._news.set()

    async def prints(self, stream: str, text: str) -> str:
        """Wait until it has printed `text`: all of the stream."""
        async with asyncio.timeout(10):
            while text.encode() not in self.printed[stream]:
                self._news.clear()
                await self._news.wait()
        return self.printed[stream].decode()

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Sequence[Header] = ((b"host", b"test"),)
    ) -> GuestAnswer:
        """One request and its answer. Raises what the replica says."""
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def done(answer: bytes | Exception) -> None:
            if isinstance(answer, Exception):
                answered.set_exception(answer)
            else:
                answered.set_result(answer)

        self.replica.submit(encode_request(method.encode(), path.encode(), headers, body), done)
        async with asyncio.timeout(20):
            return decode_answer(await answered)

    async def get(self, path: str) -> GuestAnswer:
        """GET."""
        return await self.ask("GET", path)

    async def json(self, path: str, method: str = "GET", body: bytes = b"") -> object:
        """The answer's JSON."""
        return msgspec.json.decode((await self.ask(method, path, body)).body)


class Kitchen:
    """Starts sample guests by name."""

    def __init__(self, place: Path) -> None:
        self._store = ModuleStore(place / "storage", place / "unpacked")
        self._compiler = Compiler(MACHINE_CODE)
        self._launcher = ZygoteLauncher()

    async def prepare(self, name: str, *, mounts: Sequence[Mount] = (), **more: object) -> Launch:
        """A sample's launch. `more` replaces what the module says."""
        folder = HERE / name
        for interpreter in ("python-http", "js-http"):
            if f"wasm://{interpreter}:" in (folder / "Fabrickfile").read_text("utf-8"):
                await build(HERE / interpreter, self._store, run_build=False)
        info = await build(folder, self._store, run_build=False)
        module = await asyncio.to_thread(self._store.resolve, info.reference)
        compiled = await self._compiler.compile(module.wasm, module.wasm_digest)
        launch = Launch(
            service=name,
            instance=f"{name}-1",
            abi=detect_abi(module, compiled),
            compiled=compiled.path,
            argv=module.argv,
            mounts=(*module.mounts, *mounts),
        )
        return msgspec.structs.replace(launch, **more)

    async def prepare_file(self, wasm: Path, abi: Abi, digest: str, **more: object) -> Launch:
        """A launch of a module that is no sample."""
        compiled = await self._compiler.compile(wasm, digest)
        launch = Launch(service=wasm.stem, instance=f"{wasm.stem}-1", abi=abi, compiled=compiled.path)
        return msgspec.structs.replace(launch, **more)

    @asynccontextmanager
    async def running(
        self, launch: Launch, *, outgoing: Outgoing | None = None, seconds: float = 10.0
    ) -> AsyncIterator[Running]:
        """The launch's replica; killed in the end."""
        guest = Running()
        guest.replica = await self._launcher.launch(launch, output=guest.hear, outgoing=outgoing, timeout=seconds)
        try:
            yield guest
        finally:
            guest.replica.kill()
            await guest.replica.ended()

    @asynccontextmanager
    async def guest(
        self, name: str, *, outgoing: Outgoing | None = None, environment: Mapping[str, str] = {}, **more: object
    ) -> AsyncIterator[Running]:
        """A sample, running."""
        launch = await self.prepare(name, environment=environment, http_request=outgoing is not None, **more)  # type: ignore[arg-type]
        async with self.running(launch, outgoing=outgoing) as running:
            yield running

    async def close(self) -> None:
        """End the zygote."""
        await self._launcher.close()
