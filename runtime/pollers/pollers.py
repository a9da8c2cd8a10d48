"""Pollers: every watch at every controller that wants it, each in its own rhythm, none in the way of another."""

import asyncio
import heapq
import random
from collections.abc import Callable, Sequence

import structlog

from catalog.errors import FabricError
from catalog.provider import Controllers, EventSink, Ports, Target
from runtime.pollers.followers import Followers
from runtime.pollers.look import Look
from runtime.pollers.memory import Memories
from runtime.pollers.rests import until_first, until_next
from runtime.pollers.telling import Teller
from runtime.pollers.watch import Follow, Poll

_log = structlog.get_logger()

AT_ONCE = 64
"""Looks under way at the same time."""

REFRESH_SECONDS = 60.0
"""How long a controller that another process changed may go unnoticed."""


class Pollers:
    """Looks at controllers for as long as it runs. Used on the event loop alone. `now` is seconds since 1970 UTC."""

    def __init__(
        self,
        controllers: Controllers,
        sink: EventSink,
        ports: Ports,
        memories: Memories,
        now: Callable[[], float],
        *,
        polls: Sequence[Poll],
        follows: Sequence[Follow] = (),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._controllers = controllers
        self._memories = memories
        self._polls = {each.name: each for each in polls}
        self._chance = chance
        teller = Teller(sink, now)
        self._look = Look(ports, memories, teller, now)
        self._followers = Followers(follows, ports, teller, now, chance)
        self._due: list[tuple[float, int, str, str]] = []
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._turn = 0
        self._awake = asyncio.Event()
        self._stale = True
        self._running: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        """Begin. Raises Unavailable STATE_* where the memory cannot be opened."""
        await self._memories.open()
        self._unsubscribe = self._controllers.changed(self._changed)
        self._running = asyncio.create_task(self._run(), name="pollers")

    async def close(self) -> None:
        """End every look and close the memory. What was not told is told by the next look after the next start."""
        if self._running is None:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._running.cancel()
        for look in self._under_way:
            look.cancel()
        await asyncio.wait([self._running, *self._under_way])
        await self._followers.close()
        await self._memories.close()

    def _changed(self) -> None:
        self._stale = True
        self._awake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        refreshed = loop.time()
        while True:
            if self._stale or loop.time() - refreshed > REFRESH_SECONDS:
                self._stale, refreshed = False, loop.time()
                await self._refresh()
            self._begin_due(loop.time())
            self._awake.clear()
            try:
                async with asyncio.timeout(self._pause(loop.time())):
                    await self._awake.wait()
            except TimeoutError:
                continue

    def _pause(self, now: float) -> float | None:
        if len(self._under_way) >= AT_ONCE:
            return None
        until_due = self._due[0][0] - now if self._due else REFRESH_SECONDS
        return min(max(0.0, until_due), REFRESH_SECONDS)

    async def _refresh(self) -> None:
        """Bring what is watched in line with the controllers that there are."""
        try:
            targets = await self._controllers.every()
        except FabricError as error:
            _log.warning("pollers_blind", code=error.code, reason=error.message)
            return
        wanted = {(target.id, name): target for target in targets for name in self._polls}
        for key in [key for key in self._entries if key not in wanted]:
            del self._entries[key]
        for key, target in wanted.items():
            self._enter(key, target)
        self._followers.refresh(targets)
        await self._memories.forget_but(frozenset(target.id for target in targets))

    def _enter(self, key: tuple[str, str], target: Target) -> None:
        held = self._entries.get(key)
        if held is not None and held.target == target:
            return
        rhythm = self._polls[key[1]].rhythm(target)
        if rhythm is None:
            self._entries.pop(key, None)
            return
        self._turn += 1
        self._entries[key] = _Entry(target, rhythm.every, rhythm.deadline, self._turn)
        self._push(key, until_first(rhythm.every, self._chance()), self._turn)

    def _push(self, key: tuple[str, str], seconds: float, turn: int) -> None:
        heapq.heappush(self._due, (asyncio.get_running_loop().time() + seconds, turn, *key))

    def _begin_due(self, now: float) -> None:
        while self._due and self._due[0][0] <= now and len(self._under_way) < AT_ONCE:
            _, turn, controller_id, name = heapq.heappop(self._due)
            entry = self._entries.get((controller_id, name))
            if entry is None or entry.turn != turn:
                continue
            task = asyncio.create_task(self._one(entry, (controller_id, name)), name=f"look {name}")
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    async def _one(self, entry: "_Entry", key: tuple[str, str]) -> None:
        failed = True
        try:
            failed = not await self._look.once(self._polls[key[1]], entry.target, entry.deadline, entry.failures)
        finally:
            entry.failures = entry.failures + 1 if failed else 0
            if self._entries.get(key) is entry:
                self._push(key, until_next(entry.every, entry.failures, self._chance()), entry.turn)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._awake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            told = {"message": "a watch has a bug", "exception": error, "task": task}
            task.get_loop().call_exception_handler(told)


class _Entry:
    """One watch at one controller. `turn` tells it from an earlier one of the same controller, set up otherwise."""

    __slots__ = ("deadline", "every", "failures", "target", "turn")

    def __init__(self, target: Target, every: float, deadline: float, turn: int) -> None:
        self.target = target
        self.every = every
        self.deadline = deadline
        self.turn = turn
        self.failures = 0
