"""Residents: what a driver keeps open between calls, such as a connection, and what closes it."""

import time
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")

IDLE_SECONDS = 300.0
"""What nobody has asked for so long is closed."""


class Residents:
    """Things by key, each made once and closed when it has been idle, when it is dropped, or at the end.

    Used on the event loop alone. A key holds all that a thing depends on: other credentials are another key.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kept: dict[Hashable, tuple[object, Callable[[], None], float]] = {}

    def keep(self, key: Hashable, make: Callable[[], T], close: Callable[[T], None]) -> T:
        """The thing of that key, made now where there is none. `close` must not block."""
        now = self._monotonic()
        held = self._kept.pop(key, None)
        if held is None:
            made = make()
            self._kept[key] = (made, lambda: close(made), now)
        else:
            made = cast(T, held[0])
            self._kept[key] = (held[0], held[1], now)
        self._close_idle(now - IDLE_SECONDS)
        return made

    def drop(self, key: Hashable) -> None:
        """Close the thing of that key: it is broken, the next call makes a new one."""
        held = self._kept.pop(key, None)
        if held is not None:
            held[1]()

    async def shut(self) -> None:
        """Close everything; the server ends."""
        while self._kept:
            self._kept.popitem()[1][1]()

    def _close_idle(self, before: float) -> None:
        """The longest idle stands first, because whatever is asked for moves to the end."""
        while self._kept:
            key, (_, close, used) = next(iter(self._kept.items()))
            if used >= before:
                return
            del self._kept[key]
            close()
