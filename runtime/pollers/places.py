"""Places: how many looks are under way at once, such that those that hang leave room for the others."""

import asyncio
from collections.abc import Callable

AT_ONCE = 64
"""Looks that have not yet taken SLOW_SECONDS."""

MOST = 512
"""Looks altogether; what hangs ends at its deadline and comes back less and less often."""

SLOW_SECONDS = 2.0
"""A look that takes longer waits for its controller and costs us little: it makes room for another."""


class Places:
    """The looks under way. `freed` is called whenever another may begin."""

    def __init__(self, freed: Callable[[], None]) -> None:
        self.taken: set[asyncio.Task[None]] = set()
        self._quick: set[asyncio.Task[None]] = set()
        self._freed = freed

    @property
    def free(self) -> bool:
        """May another begin?"""
        return len(self._quick) < AT_ONCE and len(self.taken) < MOST

    def take(self, look: "asyncio.Task[None]") -> None:
        """It has begun; it leaves by itself."""
        self.taken.add(look)
        self._quick.add(look)
        slow = look.get_loop().call_later(SLOW_SECONDS, self._leave, look)

        def ended(_look: "asyncio.Task[None]") -> None:
            slow.cancel()
            self.taken.discard(look)
            self._leave(look)

        look.add_done_callback(ended)

    def _leave(self, look: "asyncio.Task[None]") -> None:
        self._quick.discard(look)
        self._freed()
