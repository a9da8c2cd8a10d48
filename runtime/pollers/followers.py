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
        self._tasks: dict[tuple[str, str], tuple[Target, asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def refresh(self, targets: Sequence[Target]) -> None:
        """Bring the tasks in line with these controllers."""
        wanted = {
            (target.id, name): target
            for target in targets
            for name, follow in self._follows.items()
            if follow.wanted(target)
        }
        for key, (target, task) in list(self._tasks.items()):
            if wanted.get(key) != target:
                del self._tasks[key]
                self._ending.add(task)
                task.cancel()
        for key, target in wanted.items():
            if key not in self._tasks:
                task = asyncio.create_task(self._stay(self._follows[key[1]], target), name=f"follow {key[1]}")
                task.add_done_callback(self._ended)
                self._tasks[key] = (target, task)

    async def close(self) -> None:
        """End them all."""
        tasks = [*self._ending, *(task for _, task in self._tasks.values())]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _stay(self, follow: Follow, target: Target) -> None:
        loop = asyncio.get_running_loop()
        failures = 0

        async def tell(happenings: Sequence[Happening]) -> None:
            await self._teller.tell(target, follow.name, "", happenings)

        while True:
            began = loop.time()
            try:
                await follow.follow(self._watched(target, failures), tell)
            except FabricError as error:
                if failures == 0:
                    _log.warning("follower_failed", watch=follow.name, controller=target.id, code=error.code)
            failures = 1 if loop.time() - began > WELL_SECONDS else failures + 1
            await asyncio.sleep(until_next(REST_SECONDS, failures, self._chance()))

    def _watched(self, target: Target, failures: int) -> Watched:
        return Watched(
            target=target,
            ports=self._ports,
            memory=None,
            now=self._now(),
            deadline=float("inf"),
            failures=failures,
        )

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._ending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            told = {"message": "a follower has a bug", "exception": error, "task": task}
            task.get_loop().call_exception_handler(told)
