"""What pollers are given in tests: controllers that come and go, a sink that remembers, watches that do as told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from catalog.errors import FabricError
from catalog.events import Event
from catalog.provider import Managed, Ports, Target
from runtime.pollers.memory import Memories
from runtime.pollers.pollers import Pollers
from runtime.pollers.watch import Follow, Happening, Poll, Rhythm, Seen, Tell, Watched
from runtime.state import StateStore
from tests.fakes.drivers import FAKE
from tests.fakes.ports import FakePorts


def target(name: str, **facts: object) -> Target:
    """A controller of the fake driver."""
    usual: dict[str, object] = {"organisation_id": "org-1", "site_id": "site-1", "driver": FAKE, "settings": {}}
    return Target(**{"id": name, "name": name, **usual, **facts})  # type: ignore[arg-type] # a test names what it wants


class FakeControllers:
    """Implements Controllers; `error` is raised instead where one is set."""

    def __init__(self, *targets: Target) -> None:
        self.targets = {each.id: each for each in targets}
        self.closed: frozenset[str] = frozenset()
        self.error: FabricError | None = None
        self.reads = 0
        self.listeners: list[Callable[[], None]] = []

    async def every(self) -> Managed:
        """All of them."""
        self.reads += 1
        if self.error is not None:
            raise self.error
        return Managed(targets=tuple(self.targets.values()), closed=self.closed)

    def changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Listen."""
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def put(self, changed: Target) -> None:
        """A controller came or was changed."""
        self.targets[changed.id] = changed
        self.tell()

    def remove(self, target_id: str) -> None:
        """A controller went."""
        del self.targets[target_id]
        self.tell()

    def tell(self) -> None:
        """Tell the listeners."""
        for listener in self.listeners:
            listener()


class FakeSink:
    """Implements EventSink: an id that is known is no second event. `refuse` says what is raised instead."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.published: list[Event] = []
        self.refuse: Callable[[Event], FabricError | None] = lambda _event: None
        self._came = asyncio.Event()

    async def publish(self, event: Event) -> None:
        """Remember it."""
        await asyncio.sleep(0)
        error = self.refuse(event)
        if error is not None:
            raise error
        self.published.append(event)
        self.events.setdefault(event.id, event)
        self._came.set()

    async def wait_for(self, count: int, seconds: float = 5.0) -> list[Event]:
        """The events once there are so many, in the order in which they came first."""
        async with asyncio.timeout(seconds):
            while len(self.events) < count:
                self._came.clear()
                await self._came.wait()
        return list(self.events.values())


class TellingPoll:
    """A Poll whose looks a test writes; it notes whom it has looked at, and when."""

    def __init__(
        self,
        look: Callable[[Watched], Awaitable[Seen]],
        *,
        every: float = 0.02,
        deadline: float = 5.0,
        name: str = "telling",
    ) -> None:
        self.name = name
        self.rhythm_of: Callable[[Target], Rhythm | None] = lambda _target: Rhythm(every=every, deadline=deadline)
        self.failures: list[tuple[str, int, str]] = []
        self.looks: list[tuple[str, float]] = []
        self._look = look

    def rhythm(self, target: Target) -> Rhythm | None:
        """As the test says."""
        return self.rhythm_of(target)

    async def look(self, watched: Watched) -> Seen:
        """As the test says."""
        self.looks.append((watched.target.id, asyncio.get_running_loop().time()))
        return await self._look(watched)

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """Noted."""
        self.failures.append((watched.target.id, watched.failures, error.code))
        return None

    async def wait_for(self, target_id: str, count: int, seconds: float = 5.0) -> None:
        """Wait until that controller has been looked at so often."""
        async with asyncio.timeout(seconds):
            while sum(each == target_id for each, _ in self.looks) < count:
                await asyncio.sleep(0.002)


class TellingFollow:
    """A Follow that a test writes."""

    name = "following"

    def __init__(self, follow: Callable[[Watched, Tell], Awaitable[None]]) -> None:
        self._follow = follow
        self.wants: Callable[[Target], bool] = lambda _target: True

    def wanted(self, target: Target) -> bool:
        """As the test says."""
        return self.wants(target)

    async def follow(self, watched: Watched, tell: Tell) -> None:
        """As the test says."""
        await self._follow(watched, tell)


def happened(key: str = "x", kind: str = "device.updated") -> Happening:
    """Something."""
    return Happening(type=kind, payload={"key": key}, key=key)


class Watching(msgspec.Struct, frozen=True):
    """Pollers at work, with what they are given."""

    pollers: Pollers
    controllers: FakeControllers
    sink: FakeSink
    memories: Memories


@asynccontextmanager
async def watching(
    folder: Path,
    controllers: FakeControllers,
    *polls: Poll,
    follows: Sequence[Follow] = (),
    sink: FakeSink | None = None,
    state: StateStore | None = None,
    ports: Ports | None = None,
    now: Callable[[], float] = lambda: 1_800_000_000.0,
    chance: Callable[[], float] = lambda: 0.0,
) -> AsyncIterator[Watching]:
    """Started, and closed at the end. Without a chance of its own every first look is at once."""
    memories, kept = Memories(state or StateStore(folder / "watches.sqlite")), sink or FakeSink()
    given = ports or FakePorts().call("x").ports
    pollers = Pollers(controllers, kept, given, memories, now, polls=polls, follows=follows, chance=chance)
    await pollers.start()
    try:
        yield Watching(pollers, controllers, kept, memories)
    finally:
        await pollers.close()


@asynccontextmanager
async def reported() -> AsyncIterator[list[BaseException]]:
    """The bugs that were reported to the loop inside."""
    found: list[BaseException] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: found.append(context["exception"]))
    try:
        yield found
    finally:
        loop.set_exception_handler(before)
