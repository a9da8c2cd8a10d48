"""Allowance: how many events one controller may make, so that one that floods fills no disk and is in nobody's way."""

from collections.abc import Callable

import structlog

_log = structlog.get_logger()

BURST = 20_000
"""Events at once: the largest telephone exchange, discovered and gone again."""

PER_SECOND = 20.0
"""In the long run: a hundred cameras before which something moves every five seconds."""

SAID_EVERY = 60.0
"""Seconds between two warnings of one controller."""


class Allowance:
    """What each controller has used up. `now` is monotonic, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._used: dict[str, tuple[float, float]] = {}
        self._over: dict[str, tuple[int, float]] = {}

    def left(self, controller_id: str) -> int:
        """How many events it may make now."""
        return max(0, int(BURST - self._spent(controller_id)))

    def use(self, controller_id: str, count: int) -> None:
        """It has made so many."""
        self._used[controller_id] = (self._spent(controller_id) + count, self._now())

    def refuse(self, controller_id: str, count: int) -> None:
        """So many of its events were not told: say so, now and then."""
        over, said = self._over.get(controller_id, (0, float("-inf")))
        over, now = over + count, self._now()
        if now - said >= SAID_EVERY:
            _log.error("watch_flooded", controller=controller_id, dropped=over)
            over, said = 0, now
        self._over[controller_id] = (over, said)

    def _spent(self, controller_id: str) -> float:
        spent, at = self._used.pop(controller_id, (0.0, 0.0))
        now = self._now()
        spent -= PER_SECOND * (now - at)
        if spent <= 0:
            # One that is quiet again is no longer in the book.
            self._over.pop(controller_id, None)
            return 0.0
        self._used[controller_id] = (spent, now)
        return spent
