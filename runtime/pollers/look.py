"""Look: one look of one watch at one controller, remembered and told."""

import asyncio
import secrets
from collections.abc import Callable

import msgspec
import structlog

from catalog.errors import FabricError, TargetTimeout
from catalog.provider import Ports, Target
from runtime.drivers.failures import timed_out
from runtime.pollers.memory import Memories, Memory, Untold
from runtime.pollers.telling import Teller, without_credentials
from runtime.pollers.watch import Poll, Seen, Watched

_log = structlog.get_logger()


class Look:
    """What has happened is on the disk, with what to remember, before it is told, and is told before the next look.

    So a crash at any moment neither loses an event nor makes another of it: it is told again under the same id.
    """

    def __init__(self, ports: Ports, memories: Memories, teller: Teller, now: Callable[[], float]) -> None:
        self._ports = ports
        self._memories = memories
        self._teller = teller
        self._now = now

    async def once(self, poll: Poll, target: Target, seconds: float, failures: int) -> bool:
        """Look once, at most so long; False where it failed. The first failure of a row is logged, and its end."""
        try:
            memory = await self._tell(target, self._memories.find(target.id, poll.name))
            seen, error = await self._see(poll, target, memory, seconds, failures)
            if seen is not None:
                await self._keep(target, memory, seen)
        except FabricError as unkept:
            # Ours and not the controller's: the disk or the store. What is untold stays so.
            _log.error("watch_untold", watch=poll.name, controller=target.id, code=unkept.code)
            return False
        if error is None and failures:
            _log.info("watch_recovered", watch=poll.name, controller=target.id, failures=failures)
        return error is None

    async def _see(
        self, poll: Poll, target: Target, memory: Memory, seconds: float, failures: int
    ) -> tuple[Seen | None, FabricError | None]:
        """What the watch makes of the controller, or of its failure; and the failure."""
        watched = self._watched(memory, target, seconds)
        try:
            try:
                async with asyncio.timeout(seconds):
                    return await poll.look(watched), None
            except TimeoutError:
                raise timed_out(target, seconds) from None
        except FabricError as error:
            if failures == 0:
                timeout = isinstance(error, TargetTimeout)
                _log.warning("watch_failed", watch=poll.name, controller=target.id, code=error.code, timeout=timeout)
            failed = msgspec.structs.replace(self._watched(memory, target, seconds), failures=failures + 1)
            return await self._made_of(poll, failed, error, seconds), error

    async def _made_of(self, poll: Poll, watched: Watched, error: FabricError, seconds: float) -> Seen | None:
        try:
            async with asyncio.timeout(seconds):
                return await poll.failed(watched, error)
        except (FabricError, TimeoutError):
            _log.warning("watch_failure_unjudged", watch=poll.name, controller=watched.target.id, code=error.code)
            return None

    def _watched(self, memory: Memory, target: Target, seconds: float) -> Watched:
        return Watched(
            target=target,
            ports=self._ports,
            memory=memory.kept,
            now=self._now(),
            deadline=asyncio.get_running_loop().time() + seconds,
        )

    async def _keep(self, target: Target, memory: Memory, seen: Seen) -> None:
        if not seen.happenings:
            await self._memories.keep(msgspec.structs.replace(memory, kept=seen.memory))
            return
        untold = Untold(
            time=self._now(), happenings=tuple(without_credentials(target, each) for each in seen.happenings)
        )
        moved = msgspec.structs.replace(
            memory,
            life=memory.life or secrets.token_hex(8),
            looks=memory.looks + 1,
            kept=seen.memory,
            untold=untold,
        )
        await self._memories.keep(moved)
        await self._tell(target, moved)

    async def _tell(self, target: Target, memory: Memory) -> Memory:
        """Tell what is untold; what is remembered then."""
        untold = memory.untold
        if untold is None:
            return memory
        await self._teller.tell(target, memory.watch, f"{memory.life} {memory.looks}", untold.happenings, untold.time)
        told = msgspec.structs.replace(memory, untold=None)
        await self._memories.keep(told)
        return told
