"""Followers: one task for each controller that a watch stays with, begun anew whenever it ends."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from catalog.errors import FabricError
from catalog.provider import Ports, Target
from runtime.pollers.rests import until_next
from runtime.pollers.telling import Teller
from runtime.pollers.watch import Follow, Happening, Watched

_log = structlog.get_logger()

REST_SECONDS = 2.0
"""Before a follower that ended begins anew; it doubles while it keeps failing."""

WELL_SECONDS = 60.0
"""A follower that went on for so long counts as one that worked."""

LET_GO_SECONDS = 10.0
"""How long one whose controller was changed may take to end before the next begins."""


class Followers:
    """The followers' tasks. One whose controller was changed is ended and begun with what is new."""

    def __init__(
        self,
        follows: Sequence[Follow],
        ports: Ports,
        teller: Teller,
        now: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._follows = {each.name: each for each in follows}
        self._ports = ports
        self._teller = teller
        self._now = now
        self._chance = chance
        self._staying: dict[tuple[str, str], tuple[Target, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def refresh(self, targets: Sequence[Target]) -> None:
        """Bring the tasks in line with these controllers, in callbacks of the loop's next round."""
        present = {target.id for target in targets}
        for key in [key for key in self._staying if key[0] not in present]:
            self._let_go(key)
        loop = asyncio.get_running_loop()
        for target in targets:
            for name in self._follows:
                # A callback of its own: a watch that fails on one controller is reported, and the others go on.
                loop.call_soon(self._enter, (target.id, name), target)

    async def close(self, seconds: float) -> None:
        """End them all; what has not ended within `seconds` is left behind."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                _log.error("follower_does_not_end", task=task.get_name())

    def _enter(self, key: tuple[str, str], target: Target) -> None:
        held = self._staying.get(key)
        if held is not None and held[0] == target:
            return
        before = self._let_go(key)
        follow = self._follows[key[1]]
        if follow.wanted(target):
            task = asyncio.create_task(self._stay(follow, target, before), name=f"follow {follow.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._staying[key] = (target, task)

    def _let_go(self, key: tuple[str, str]) -> "asyncio.Task[None] | None":
        held = self._staying.pop(key, None)
        if held is None:
            return None
        held[1].cancel()
        return held[1]

    async def _stay(self, follow: Follow, target: Target, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            # Some controllers let one in at a time.
            await asyncio.wait([before], timeout=LET_GO_SECONDS)
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            error = await self._round(follow, target, failures)
            if loop.time() - began > WELL_SECONDS:
                failures = 0
            if error is not None and failures == 0:
                _log.warning("follower_failed", watch=follow.name, controller=target.id, code=error.code)
            failures += 1
            await asyncio.sleep(until_next(REST_SECONDS, failures, self._chance()))

    async def _round(self, follow: Follow, target: Target, failures: int) -> FabricError | None:
        """Follow once, until it ends; why it did, if it says so. A bug is reported and is no reason to give up."""

        async def tell(happenings: Sequence[Happening]) -> None:
            await self._teller.tell(target, follow.name, "", happenings, self._now())

        watched = Watched(
            target=target,
            ports=self._ports,
            memory=None,
            now=self._now(),
            deadline=float("inf"),
            failures=failures,
        )
        # A task of its own, so that whatever it raises can be looked at and need not be caught.
        task = asyncio.ensure_future(follow.follow(watched, tell))
        try:
            await asyncio.wait([task])
        finally:
            if not task.done():
                await _ended(task)
        return _error_of(task)


async def _ended(task: "asyncio.Future[None]") -> None:
    """Cancel it and wait: who cancels a follower wants its controller let go."""
    task.cancel()
    await asyncio.wait([task])
    _error_of(task)


def _error_of(task: "asyncio.Future[None]") -> FabricError | None:
    raised = task.exception() if not task.cancelled() else None
    if raised is None or isinstance(raised, FabricError):
        return raised
    told = {"message": "a follower has a bug", "exception": raised, "future": task}
    task.get_loop().call_exception_handler(told)
    return None
