"""Deadline: one timer for a whole walk of steps, however many deadlines follow one another in it."""

import asyncio


class Deadline:
    """Cancels the task that made it when `due` (loop time, seconds) has passed; a later `due` costs an assignment.

    The timer looks at `due` only when it goes off, and sleeps on if that has moved meanwhile.
    """

    __slots__ = ("_due", "_handle", "_loop", "_task", "_took")

    def __init__(self, due: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task to cancel")
        self._task = task
        self._loop = task.get_loop()
        self._due = due
        self._took = False
        self._handle = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        if self._loop.time() < self._due:
            self._handle = self._loop.call_at(self._due, self._look)
            return
        self._took = True
        self._task.cancel()

    def move(self, due: float) -> None:
        """Set the next deadline; only one that is sooner than the timer needs a new timer."""
        if due < self._handle.when() or self._handle.cancelled():
            self._handle.cancel()
            self._handle = self._loop.call_at(due, self._look)
        self._due = due

    def took(self) -> bool:
        """Was it this deadline that cancelled the task? Asked where CancelledError is caught; takes it back if so."""
        if not self._took:
            return False
        self._took = False
        self._task.uncancel()
        self._handle.cancel()
        return True

    def close(self) -> None:
        """Stop the timer."""
        self._handle.cancel()
