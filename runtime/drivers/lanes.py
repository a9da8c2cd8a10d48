"""Lanes: client libraries that block, run in daemon threads, few at a time for each controller.

One that hangs keeps its lane and delays neither the loop nor the other controllers nor the end of the process.
"""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from catalog.provider import Target
from runtime.drivers.failures import busy
from runtime.threads import in_thread

T = TypeVar("T")

LANES = 4
"""Blocking calls under way at once for one controller; what hangs keeps its place until it returns."""


class Lanes:
    """Runs blocking calls for coroutines."""

    def __init__(self, limit: int = LANES) -> None:
        self._limit = limit
        self._taken: Counter[str] = Counter()

    async def run(self, target: Target, work: Callable[[], T], *, fresh: bool = False) -> T:
        """What `work()` returns or raises. A caller who is cancelled leaves; the call keeps its lane.

        `fresh` work has a thread of its own, which ends with it.
        Raises Unavailable TARGET_BUSY where every lane of the controller is taken.
        """
        if self._taken[target.id] >= self._limit:
            raise busy(target)
        answer = in_thread(work, lambda: self._free(target.id), name=f"driver-{target.driver}", fresh=fresh)
        # Taken once it runs: a thread that cannot be started takes no lane.
        self._taken[target.id] += 1
        return await answer

    def _free(self, target_id: str) -> None:
        self._taken[target_id] -= 1
        if not self._taken[target_id]:
            del self._taken[target_id]
