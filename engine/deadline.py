"""Deadline: one timer for a whole walk of steps, however many deadlines follow one another in it."""

import asyncio
from collections import deque

SPARE_MOST = 256
_NEVER = float("inf")


class Deadlines:
    """Deadlines that are over, for the next walks on the same loop: a timer that is still set is not set anew."""

    def __init__(self) -> None:
        self._spare: deque[Deadline] = deque(maxlen=SPARE_MOST)

    def take(self) -> "Deadline":
        """A deadline of the present task."""
        if not self._spare:
            return Deadline()
        deadline = self._spare.pop()
        deadline.begin()
        return deadline

    def give_back(self, deadline: "Deadline") -> None:
        """Its walk is over; it cancels nobody any more."""
        deadline.rest()
        self._spare.append(deadline)


class Deadline:
    """Cancels the task that made it when the last moved-to moment (loop time, seconds) has passed.

    A later moment costs an assignment: the timer looks at it only when it goes off, and sleeps on if it has moved.
    """

    __slots__ = ("_due", "_handle", "_loop", "_set_for", "_task", "_took", "now")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self._set_for = _NEVER
        self._handle: asyncio.TimerHandle | None = None
        self.begin()

    def begin(self) -> None:
        """From now on it is the present task's, and has no moment yet."""
        self._task = asyncio.current_task(self._loop)
        if self._task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._due = _NEVER
        self._took = False

    def rest(self) -> None:
        """It is nobody's. Its timer goes off in vain, or serves whoever begins with it before."""
        self._task = None

    def move(self, due: float) -> None:
        """Set the next deadline; only one that is sooner than the timer's needs a new timer."""
        if due < self._set_for:
            self._set(due)
        self._due = due

    def took(self) -> bool:
        """Was it this deadline that cancelled the task? Asked where CancelledError is caught; takes it back if so."""
        if not self._took:
            return False
        self._took = False
        if self._task is not None:
            self._task.uncancel()
        return True

    def close(self) -> None:
        """Stop the timer."""
        if self._handle is not None:
            self._handle.cancel()

    def _set(self, due: float) -> None:
        self.close()
        self._set_for = due
        self._handle = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._handle, self._set_for = None, _NEVER
        if self._task is None or self._due == _NEVER:
            return
        if self.now() < self._due:
            self._set(self._due)
            return
        self._took = True
        self._task.cancel()
