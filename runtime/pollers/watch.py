"""Watch: something that is looked for on controllers. Poll: again and again. Follow: without a pause."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """How often, in seconds: `every` between two looks, at most `deadline` for one."""

    every: float
    deadline: float = 30.0


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """An event to be. `key` tells it from the others of the same look: the same look again makes the same event."""

    type: str
    payload: Json
    key: str
    artifact: ArtifactRef | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a look came to: what has happened, and what to remember for the next look (JSON)."""

    happenings: tuple[Happening, ...] = ()
    memory: Json = None


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A controller as a watch is given it.

    `memory` is what the last look left behind, None at the very first. `now` is seconds since 1970 UTC. `deadline` is
    on the loop's monotonic clock. `failures` counts the looks that failed since the last that did not.
    """

    target: Target
    ports: Ports
    memory: Json
    now: float
    deadline: float
    failures: int = 0


class Poll(Protocol):
    """A watch that looks again and again. Its `name` names its memory, so it never changes."""

    name: str

    def rhythm(self, target: Target) -> Rhythm | None:
        """How often to look at this controller; None: not at all. Pure, and says None for settings that do not fit."""
        ...

    async def look(self, watched: Watched) -> Seen:
        """Look once and compare with `watched.memory`. Raises FabricError where it cannot be looked at."""
        ...

    async def failed(self, watched: Watched, error: FabricError) -> Seen | None:
        """A look failed (`watched.failures` of them now): what that means. None: nothing, the memory stays."""
        ...


Tell = Callable[[Sequence[Happening]], Awaitable[None]]
"""Returns once the events are durable."""


class Follow(Protocol):
    """A watch that stays with the controller for as long as it is let, such as a camera's stream."""

    name: str

    def wanted(self, target: Target) -> bool:
        """Is this controller followed? Pure."""
        ...

    async def follow(self, watched: Watched, tell: Tell) -> None:
        """Follow until cancelled. It is begun anew, after a rest that grows, when it returns or raises FabricError.

        `watched.memory` is None and `deadline` has no meaning here. A happening's `key` is unique for ever.
        """
        ...
