"""OwnedWork: work that a caller who goes away does not take with him."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from catalog.errors import FabricError

T = TypeVar("T")
_log = structlog.get_logger()


class OwnedWork:
    """Keeps what is under way until it has ended."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[Any]] = set()

    async def own(self, work: Coroutine[None, None, T]) -> T:
        """Await work in a task of its own: a deadline or a lost connection ends the waiting, not the work."""
        task = asyncio.get_running_loop().create_task(work)
        self._add(task)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_abandoned)
            raise

    def keep(self, task: asyncio.Task[T]) -> None:
        """Own a task that its caller no longer waits for."""
        self._add(task)
        task.add_done_callback(_abandoned)

    def _add(self, task: asyncio.Task[T]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Let owned work end for so long, then interrupt it."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(list(self._tasks), timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)


def _abandoned(task: "asyncio.Task[T]") -> None:
    """Nobody waits any more, so nobody else can tell of a bug."""
    if task.cancelled():
        return
    error = task.exception()
    if error is not None and not isinstance(error, FabricError):
        _log.error("abandoned_request_crashed", exc_info=error)
