"""Deadline: one timer for a whole walk of steps, however many deadlines follow one another in it."""

import asyncio


class Deadline:
    """Cancels the task that made it when the last moved-to moment (loop time, seconds) has passed.

    A later moment costs an assignment: the timer looks at it only when it goes off, and sleeps on if it has moved.
    """

    __slots__ = ("_due", "_handle", "_loop", "_set_for", "_task", "_took", "now")

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task = task
        self._loop = task.get_loop()
        self.now = self._loop.time
        self._due = self._set_for = float("inf")
        self._took = False
        self._handle: asyncio.TimerHandle | None = None

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
        self._task.uncancel()
        self._set_for = float("inf")
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
        if self.now() < self._due:
            self._set(self._due)
            return
        self._took = True
        self._task.cancel()
