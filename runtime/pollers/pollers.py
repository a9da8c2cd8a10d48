"""Pollers: every watch at every controller that wants it, each in its own rhythm, none in the way of another."""

import asyncio
import functools
import heapq
import random
from collections.abc import Callable, Sequence

import structlog

from catalog.errors import FabricError
from catalog.provider import Controllers, EventSink, Ports, Target
from runtime.drivers.firewall.alert_index import forget_but
from runtime.drivers.opening import load_drivers
from runtime.pollers.followers import Followers
from runtime.pollers.look import Look
from runtime.pollers.memory import Memories
from runtime.pollers.places import Places
from runtime.pollers.rests import until_first, until_next
from runtime.pollers.telling import Teller
from runtime.pollers.watch import Follow, Poll
from runtime.threads import in_thread

_log = structlog.get_logger()
_CHANCE = random.Random()  # noqa: S311 - jitter; of our own, so that nobody else's seed is moved

REFRESH_SECONDS = 60.0
"""How long a controller that another process changed may go unnoticed."""

REFRESH_GAP = 0.25
"""Between two refreshes: a hundred edits in a row are read once or twice."""

CLOSE_SECONDS = 3.0
"""What has not ended so long after it was cancelled is left behind."""


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
        chance: Callable[[], float] = _CHANCE.random,
    ) -> None:
        self._controllers = controllers
        self._memories = memories
        self._polls = {each.name: each for each in polls}
        self._chance = chance
        self._home = ports.home
        teller = Teller(sink)
        self._look = Look(ports, memories, teller, now)
        self._followers = Followers(follows, ports, teller, now, chance)
        self._due: list[tuple[float, int, str, str]] = []
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._turn = 0
        self._awake = asyncio.Event()
        self._places = Places(self._awake.set)
        self._stale = True
        self._loaded: frozenset[str] = frozenset()
        self._running: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        """Begin. Raises Unavailable STATE_* where the memory cannot be opened."""
        await self._memories.open()
        self._unsubscribe = self._controllers.changed(self._changed)
        self._running = asyncio.create_task(self._run(), name="pollers")
        self._running.add_done_callback(_report)

    async def close(self) -> None:
        """End every look and close the memory. What was not told is told after the next start."""
        running, self._running = self._running, None
        if running is None:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        ending = [running, *self._places.taken]
        for each in ending:
            each.cancel()
        _, late = await asyncio.wait(ending, timeout=CLOSE_SECONDS)
        for each in late:
            _log.error("watch_does_not_end", look=each.get_name())
        await self._followers.close(CLOSE_SECONDS)
        await self._memories.close()

    def _changed(self) -> None:
        self._stale = True
        self._awake.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        refreshed = float("-inf")
        while True:
            rest = refreshed + (REFRESH_GAP if self._stale else REFRESH_SECONDS) - loop.time()
            if rest <= 0:
                self._stale = False
                await self._refresh()
                refreshed = loop.time()
                continue
            self._awake.clear()
            self._begin_due(loop.time())
            try:
                async with asyncio.timeout(min(rest, self._until_due(loop.time()))):
                    await self._awake.wait()
            except TimeoutError:
                continue

    def _until_due(self, now: float) -> float:
        return max(0.0, self._due[0][0] - now) if self._due and self._places.free else REFRESH_SECONDS

    async def _refresh(self) -> None:
        """Bring what is watched in line with the controllers that there are."""
        try:
            managed = await self._controllers.every()
        except FabricError as error:
            _log.warning("pollers_blind", code=error.code, reason=error.message)
            return
        await self._load(frozenset(each.driver for each in managed.targets))
        targets = {each.id: each for each in managed.targets}
        for key in [key for key in self._entries if key[0] not in targets]:
            self._leave(key)
        loop = asyncio.get_running_loop()
        for target in targets.values():
            for name in self._polls:
                # A callback of its own: a watch that fails on one controller is reported, and the others go on.
                loop.call_soon(self._enter, (target.id, name), target)
        self._followers.refresh(managed.targets)
        await asyncio.sleep(0)
        await self._forget_but(frozenset(targets) | managed.closed)

    async def _forget_but(self, controller_ids: frozenset[str]) -> None:
        """Forget the controllers that are no more, and what was kept of their logs."""
        try:
            await self._memories.forget_but(controller_ids)
        except FabricError as error:
            _log.warning("watch_memory_stays", code=error.code, reason=error.message)
        home = self._home
        if home is None:
            return
        try:
            await in_thread(lambda: forget_but(home, controller_ids), lambda: None, name="forget-alerts")
        except OSError as error:
            _log.warning("alerts_stay", reason=error.strerror)

    async def _load(self, drivers: frozenset[str]) -> None:
        """Client libraries take half a second to import; the loop does not wait for that."""
        for name in sorted(drivers - self._loaded):
            self._loaded |= {name}
            loading = in_thread(functools.partial(load_drivers, [name]), lambda: None, name=f"load-{name}")
            await asyncio.wait([loading])
            _report(loading, f"driver `{name}`")

    def _enter(self, key: tuple[str, str], target: Target) -> None:
        held = self._entries.get(key)
        if held is not None and held.target == target:
            return
        self._leave(key)
        rhythm = self._polls[key[1]].rhythm(target)
        if rhythm is None:
            return
        self._turn += 1
        entry = _Entry(target, rhythm.every, rhythm.deadline, self._turn)
        entry.after = held.look if held is not None else None
        self._entries[key] = entry
        self._push(key, until_first(rhythm.every, self._chance()), self._turn)

    def _leave(self, key: tuple[str, str]) -> None:
        """It is no more, or is something else now: a look that is under way is of no use."""
        held = self._entries.pop(key, None)
        if held is not None and held.look is not None:
            held.look.cancel()

    def _push(self, key: tuple[str, str], seconds: float, turn: int) -> None:
        heapq.heappush(self._due, (asyncio.get_running_loop().time() + seconds, turn, *key))

    def _begin_due(self, now: float) -> None:
        while self._due and self._due[0][0] <= now and self._places.free:
            _, turn, controller_id, name = heapq.heappop(self._due)
            entry = self._entries.get((controller_id, name))
            if entry is None or entry.turn != turn:
                continue
            entry.look = asyncio.create_task(self._one(entry, (controller_id, name)), name=f"look {name}")
            entry.look.add_done_callback(_report)
            self._places.take(entry.look)

    async def _one(self, entry: "_Entry", key: tuple[str, str]) -> None:
        failed = True
        try:
            if await entry.alone():
                failed = not await self._look.once(self._polls[key[1]], entry.target, entry.deadline, entry.failures)
        finally:
            entry.look = None
            entry.failures = entry.failures + 1 if failed else 0
            if self._entries.get(key) is entry:
                self._push(key, until_next(entry.every, entry.failures, self._chance()), entry.turn)


class _Entry:
    """One watch at one controller. `turn` tells it from an earlier one of the same controller, set up otherwise.

    `after` is that one's last look, which has been cancelled and must have ended before this one's first.
    """

    __slots__ = ("after", "deadline", "every", "failures", "look", "target", "turn")

    def __init__(self, target: Target, every: float, deadline: float, turn: int) -> None:
        self.target = target
        self.every = every
        self.deadline = deadline
        self.turn = turn
        self.failures = 0
        self.look: asyncio.Task[None] | None = None
        self.after: asyncio.Task[None] | None = None

    async def alone(self) -> bool:
        """Wait for the look before; False where it does not end."""
        if self.after is not None and not self.after.done():
            await asyncio.wait([self.after], timeout=self.deadline)
        return self.after is None or self.after.done()


def _report(ended: "asyncio.Future[None]", what: str = "a watch") -> None:
    """A bug goes where the loop's own go."""
    if not ended.cancelled() and (error := ended.exception()) is not None:
        told = {"message": f"{what} has a bug", "exception": error, "future": ended}
        ended.get_loop().call_exception_handler(told)
