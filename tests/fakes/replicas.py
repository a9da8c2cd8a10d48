"""Replicas and a launcher without processes: what they do, a test says."""

import asyncio
from collections.abc import Callable
from itertools import count

from catalog.errors import FabricError, TargetFailed
from runtime.wasm.launch import Done, Exit, Launch, Line, Outgoing, Pipes, Usage
from runtime.wasm.messages import encode_answer

Script = Callable[["FakeReplica"], None]


class FakeReplica:
    """Implements runtime.wasm.launch.Replica. It ends when it is told to, and answers when `answer` is called."""

    def __init__(self, launch: Launch, pid: int, output: Line) -> None:
        self.launch = launch
        self.output = output
        self.asked: list[tuple[bytes, Done]] = []
        self.used = Usage()
        self.stops: list[float] = []
        self.stubborn = False
        """Stops only when it is killed."""
        self._pid = pid
        self._ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        """See Replica."""
        return self._pid

    @property
    def pending(self) -> int:
        """See Replica."""
        return len(self.asked)

    @property
    def alive(self) -> bool:
        """Has it not ended?"""
        return not self._ended.done()

    def usage(self) -> Usage:
        """See Replica."""
        return self.used

    def submit(self, request: bytes, done: Done) -> None:
        """See Replica."""
        if not self.alive:
            done(TargetFailed("GUEST_NOT_BEGUN", "The guest is gone."))
            return
        self.asked.append((request, done))

    def answer(self, status: int = 200, body: bytes = b"ok") -> None:
        """Answer the oldest request."""
        _, done = self.asked.pop(0)
        self.used.requests += 1
        done(encode_answer(status, [(b"content-type", b"text/plain")], body))

    async def connect(self) -> Pipes:
        """See Replica."""
        raise TargetFailed("GUEST_GONE", "No pipes here.")

    async def stop(self, grace: float) -> Exit:
        """See Replica."""
        self.stops.append(grace)
        if not self.stubborn:
            self.end(Exit(code=0))
        return await self.ended()

    def kill(self) -> None:
        """See Replica."""
        self.end(Exit(code=-9, trap=None))

    def end(self, end: Exit) -> None:
        """End now; what was under way is begun and lost, but for what came after the first."""
        if self._ended.done():
            return
        asked, self.asked = self.asked, []
        self._ended.set_result(end)
        for at, (_, done) in enumerate(asked):
            code = "GUEST_GONE" if at == 0 else "GUEST_NOT_BEGUN"
            done(TargetFailed(code, "The guest has ended."))

    async def ended(self) -> Exit:
        """See Replica."""
        return await asyncio.shield(self._ended)


class FakeLauncher:
    """Implements runtime.wasm.launch.Launcher. `failing` errors are raised first, one a launch; `hold` delays all."""

    def __init__(self) -> None:
        self.made: list[FakeReplica] = []
        self.failing: list[FabricError] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self._pids = count(100)

    @property
    def alive(self) -> list[FakeReplica]:
        """Those that run, the oldest first."""
        return [each for each in self.made if each.alive]

    async def launch(
        self,
        launch: Launch,
        *,
        output: Line,
        outgoing: Outgoing | None,
        timeout: float,  # noqa: ASYNC109 - the port's
    ) -> FakeReplica:
        """See Launcher."""
        await self.hold.wait()
        if self.failing:
            raise self.failing.pop(0)
        replica = FakeReplica(launch, next(self._pids), output)
        self.made.append(replica)
        return replica

    async def close(self) -> None:
        """See Launcher."""
        for each in self.alive:
            each.kill()
