"""Patience: how long a call of a function is waited for. One timer for all calls, and none while there is none."""

import asyncio
from collections import deque

from catalog.errors import TargetTimeout

SECONDS = 30.0
"""What one call may take (the seed's bound). Less, where its step allows less: the engine sees to that."""


class Patience:
    """All calls may take equally long, so they come due in the order in which they began."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waiting: deque[tuple[float, str, asyncio.Future[bytes | Exception]]] = deque()
        self._armed = False

    def watch(
        self, answered: "asyncio.Future[bytes | Exception]", operation_id: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        """End the wait for this answer when its time is up, if it has not come by then."""
        waiting = self._waiting
        while waiting and waiting[0][2].done():
            waiting.popleft()
        due = loop.time() + self.seconds
        waiting.append((due, operation_id, answered))
        if not self._armed:
            self._armed = True
            loop.call_at(due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0][0] <= now or waiting[0][2].done()):
            _, operation_id, answered = waiting.popleft()
            if not answered.done():
                answered.set_exception(self._overdue(operation_id))
        self._armed = bool(waiting)
        if waiting:
            loop.call_at(waiting[0][0], self._look, loop)

    def _overdue(self, operation_id: str) -> TargetTimeout:
        return TargetTimeout(
            "FUNCTION_TIMEOUT",
            f"`{operation_id}` does not answer within {self.seconds:g} s.",
            hint="Have its service answer sooner, or look at its log.",
        )
