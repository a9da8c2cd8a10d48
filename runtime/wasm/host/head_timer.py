"""HeadTimer: how long the request at the head has been there. One timer a replica, and none while it is idle."""

import asyncio
from collections.abc import Callable


class HeadTimer:
    """`look` is called when a head has been there for `limit` seconds; begin() a new head, stop() when there is none.

    A timer that is armed stays armed while heads come and go; when it fires, it looks how long this one has been there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float, overdue: Callable[[], None]) -> None:
        self._now = loop.time
        self._call_at = loop.call_at
        self._limit = limit
        self._overdue = overdue
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Another request is at the head now."""
        self._since = since = self._now()
        if self._timer is None:
            self._timer = self._call_at(since + self._limit, self._look)

    def stop(self) -> None:
        """Nothing is under way."""
        self._since = None

    def close(self) -> None:
        """Never look again."""
        self._since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._since is None:
            return
        due = self._since + self._limit
        if self._now() >= due:
            self._overdue()
        else:
            self._timer = self._call_at(due, self._look)
