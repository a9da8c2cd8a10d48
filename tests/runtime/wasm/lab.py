"""Lab: real guests from WAT, compiled by the real compiler, run by the real zygote."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import wasmtime

from catalog.errors import FabricError
from runtime.wasm.compile import Compiled, Compiler
from runtime.wasm.host import ZygoteLauncher
from runtime.wasm.host.replica import WorkerReplica
from runtime.wasm.launch import Abi, Launch, Outgoing

PATIENCE = 20.0
"""Seconds after which a test has failed that waits for something."""


class Lab:
    """One launcher and one compiler on the test's loop. `output` is what the guests printed, by stream."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.compiler = Compiler(folder / "code")
        self.launcher = ZygoteLauncher()
        self.output: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.printed = asyncio.Event()
        self.keeps_output = True

    async def compile(self, module: str | bytes) -> Compiled:
        """Machine code of WAT or wasm."""
        data = bytes(wasmtime.wat2wasm(module)) if isinstance(module, str) else module
        digest = hashlib.sha256(data).hexdigest()
        file = self.folder / f"{digest[:16]}.wasm"
        await asyncio.to_thread(file.write_bytes, data)
        return await self.compiler.compile(file, digest)

    async def start(
        self,
        module: str | bytes,
        abi: Abi = Abi.REACTOR,
        *,
        limit: float = 10.0,
        outgoing: Outgoing | None = None,
        **fields: object,
    ) -> WorkerReplica:
        """A replica; `limit` is one request's time, `fields` are the Launch's."""
        compiled = await self.compile(module)
        launch = Launch(service="lab", instance="lab-1", abi=abi, compiled=compiled.path)
        launch = msgspec.structs.replace(launch, **fields)
        async with asyncio.timeout(PATIENCE):
            return await self.launcher.launch(launch, output=self._print, outgoing=outgoing, timeout=limit)

    def _print(self, stream: str, piece: bytes) -> None:
        if self.keeps_output:
            self.output[stream] += piece
            self.printed.set()

    async def until_printed(self, text: bytes, stream: str = "stdout") -> None:
        """Wait until a stream holds this text."""
        async with asyncio.timeout(PATIENCE):
            while text not in self.output[stream]:
                self.printed.clear()
                await self.printed.wait()


async def longest_stall(seconds: float) -> float:
    """The loop's own pulse: a tick a millisecond; the longest time without one."""
    longest, last = 0.0, time.perf_counter()
    until = last + seconds
    while last < until:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest


async def machine_noise() -> float:
    """How long we stand still with no guest at work: what others do on this machine. Bounds are wider by it."""
    return 2 * await longest_stall(0.3)


def begin(replica: WorkerReplica, request: bytes) -> asyncio.Future[bytes | Exception]:
    """Submit; the future has what `done` was called with."""
    future: asyncio.Future[bytes | Exception] = asyncio.get_running_loop().create_future()
    replica.submit(request, future.set_result)
    return future


async def ask(replica: WorkerReplica, request: bytes) -> bytes:
    """Submit and wait. Raises what `done` was called with, if that is an error."""
    async with asyncio.timeout(PATIENCE):
        answer = await begin(replica, request)
    if isinstance(answer, bytes):
        return answer
    raise answer


async def refusal(replica: WorkerReplica, request: bytes) -> FabricError:
    """Submit, and expect an error."""
    async with asyncio.timeout(PATIENCE):
        answer = await begin(replica, request)
    assert isinstance(answer, FabricError), answer
    return answer


def processes_of(parent: int) -> Mapping[int, str]:
    """All that descend from a process: pid and state letter."""
    stats = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        state, ppid = text.rpartition(")")[2].split()[:2]
        stats[int(folder.name)] = (int(ppid), state)
    found: dict[int, str] = {}
    ring = {parent}
    while ring:
        ring = {pid for pid, (ppid, _) in stats.items() if ppid in ring} - found.keys()
        found |= {pid: stats[pid][1] for pid in ring}
    return found
