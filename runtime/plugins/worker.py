"""Worker: one plugin for one organisation: a guest that starts with its first call and ends when nobody calls."""

import asyncio
from collections.abc import Awaitable, Callable

from catalog.errors import TargetTimeout, TooMany, Unavailable
from runtime.wasm.launch import Replica

PENDING_MOST = 32
"""Calls that wait for one guest."""
LOG_BYTES = 16 * 1024

Start = Callable[["Worker"], Awaitable[Replica]]


class Worker:
    """Asks a guest, one call after the other. `idle` seconds after the last it is stopped; the next starts it again."""

    def __init__(self, start: Start, *, idle: float, grace: float = 1.0) -> None:
        self._start = start
        self._idle = idle
        self._grace = grace
        self._replica: Replica | None = None
        self._starting: asyncio.Task[Replica] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._log = bytearray()
        self.pending = 0
        self.used_at = 0.0

    @property
    def running(self) -> bool:
        """Is there a process?"""
        return self._replica is not None or self._starting is not None

    @property
    def pid(self) -> int | None:
        """Its process."""
        return None if self._replica is None else self._replica.pid

    @property
    def log(self) -> str:
        """The end of what its guests printed."""
        return self._log.decode(errors="replace")

    def hear(self, _stream: str, piece: bytes) -> None:
        """Takes what a guest prints, and keeps the end of it."""
        self._log += piece[-LOG_BYTES:]
        if len(self._log) > 2 * LOG_BYTES:
            del self._log[:-LOG_BYTES]

    async def ask(self, request: bytes, seconds: float) -> bytes:
        """One request and its answer, within so much time. Raises TooMany PLUGIN_BUSY; TargetTimeout PLUGIN_TIMEOUT;
        Unavailable PLUGIN_STOPPED; what starting a guest raises; TargetFailed GUEST_*.
        """
        if self.pending >= PENDING_MOST:
            raise _busy()
        self.pending += 1
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                replica = await self._ready()
                if replica.pending >= PENDING_MOST:  # some of whose callers have given up
                    raise _busy()
                answered: asyncio.Future[bytes] = loop.create_future()
                replica.submit(request, lambda answer: _settle(answered, answer))
                return await answered
        except TimeoutError:
            raise TargetTimeout(
                "PLUGIN_TIMEOUT", f"The plugin does not answer within {seconds:g} s.", hint="Ask for less at once."
            ) from None
        finally:
            self.pending -= 1
            self.used_at = loop.time()
            if not self.pending:
                self._timer = loop.call_later(self._idle, self._rest)

    async def stop(self) -> None:
        """End it, with what is under way."""
        if self._timer is not None:
            self._timer.cancel()
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        replica, self._replica = self._replica, None
        if replica is not None:
            await replica.stop(self._grace)
        await asyncio.gather(*self._tasks)

    async def _ready(self) -> Replica:
        if self._replica is not None:
            return self._replica
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._begin())
            self._starting.add_done_callback(self._begun)
        starting = self._starting
        try:
            # Who gives up does not take the start away from the others.
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if starting.cancelled() and caller is not None and not caller.cancelling():
                raise _stopped() from None
            raise

    async def _begin(self) -> Replica:
        replica = await self._start(self)
        self._replica = replica
        self._own(self._watch(replica))
        return replica

    def _begun(self, task: asyncio.Task[Replica]) -> None:
        self._starting = None
        if not task.cancelled():
            task.exception()  # retrieved: whoever waits is told, and perhaps nobody does any more

    async def _watch(self, replica: Replica) -> None:
        await replica.ended()
        if self._replica is replica:
            self._replica = None

    def _rest(self) -> None:
        replica, self._replica = self._replica, None
        if replica is not None:
            self._own(_ended(replica, self._grace))

    def _own(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _stopped() -> Unavailable:
    return Unavailable(
        "PLUGIN_STOPPED",
        "The plugin was stopped before it could answer.",
        hint="See `fabric plugin show`; call it again.",
    )


def _busy() -> TooMany:
    return TooMany("PLUGIN_BUSY", "Too many calls wait for this plugin.", hint="Try again later.")


async def _ended(replica: Replica, grace: float) -> None:
    await replica.stop(grace)


def _settle(answered: asyncio.Future[bytes], answer: bytes | Exception) -> None:
    if answered.done():
        return
    if isinstance(answer, bytes):
        answered.set_result(answer)
    else:
        answered.set_exception(answer)
