"""Look: one look of one watch at one controller, told and then remembered."""

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from catalog.errors import FabricError, TargetTimeout
from catalog.provider import Ports, Target
from runtime.drivers.failures import timed_out
from runtime.pollers.memory import Memories, Memory
from runtime.pollers.telling import Teller
from runtime.pollers.watch import Poll, Seen, Watched

_log = structlog.get_logger()


class Look:
    """Events are durable before the memory of what they tell of is: a crash between the two tells them again."""

    def __init__(self, ports: Ports, memories: Memories, teller: Teller, now: Callable[[], float]) -> None:
        self._ports = ports
        self._memories = memories
        self._teller = teller
        self._now = now

    async def once(self, poll: Poll, target: Target, seconds: float, failures: int) -> bool:
        """Look once; False where it failed. The first failure of a row is logged, and the end of the row."""
        memory = self._memories.find(target.id, poll.name)
        watched = self._watched(memory, target, seconds)
        try:
            try:
                async with asyncio.timeout(seconds):
                    seen = await poll.look(watched)
            except TimeoutError:
                raise timed_out(target, seconds) from None
            await self._keep(memory, target, seen)
        except FabricError as error:
            await self._failed(poll, memory, watched, error, failures + 1)
            return False
        if failures:
            _log.info("watch_recovered", watch=poll.name, controller=target.id, failures=failures)
        return True

    def _watched(self, memory: Memory, target: Target, seconds: float) -> Watched:
        return Watched(
            target=target,
            ports=self._ports,
            memory=memory.kept,
            now=self._now(),
            deadline=asyncio.get_running_loop().time() + seconds,
        )

    async def _failed(self, poll: Poll, memory: Memory, watched: Watched, error: FabricError, failures: int) -> None:
        target = watched.target
        if failures == 1:
            timeout = isinstance(error, TargetTimeout)
            _log.warning("watch_failed", watch=poll.name, controller=target.id, code=error.code, timeout=timeout)
        seen = await poll.failed(msgspec.structs.replace(watched, failures=failures), error)
        if seen is None:
            return
        try:
            await self._keep(memory, target, seen)
        except FabricError as unkept:
            _log.warning("watch_untold", watch=poll.name, controller=target.id, code=unkept.code)

    async def _keep(self, memory: Memory, target: Target, seen: Seen) -> None:
        if seen.happenings:
            await self._teller.tell(target, memory.watch, str(memory.looks), seen.happenings)
        looks = memory.looks + 1 if seen.happenings else memory.looks
        await self._memories.keep(msgspec.structs.replace(memory, looks=looks, kept=seen.memory))
