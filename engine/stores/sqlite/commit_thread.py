"""CommitThread: does what waits for the disk beside the event loop, and is heard by it even when the loop is busy."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress

Job = Callable[[], Exception | None]
"""What runs in the thread; it returns its failure and raises nothing."""

GIVE_WAY_AFTER = 0.001
GIVE_WAY_FOR = 0.002


class CommitThread:
    """One job at a time, in one thread.

    A thread that has ended its system call needs the GIL to say so. A busy loop lets go of the GIL only for moments
    shorter than the thread takes to wake up, and takes it back: the thread can starve for seconds (CPython makes the
    holder yield only if nobody let go within the switch interval). So a loop that finds the job still out after a
    millisecond stands still for up to two, in which the thread gets its turn.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[tuple[int, Job] | None] = queue.SimpleQueue()
        self._landed = threading.Lock()
        self._landed.acquire()
        self._number = 0
        self._failure: Exception | None = None
        self._then: Callable[[Exception | None], None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._serve, name="store-commit", daemon=True)
        self._thread.start()

    def do(self, job: Job, then: Callable[[Exception | None], None]) -> None:
        """Run `job` in the thread, then call `then` on the loop. Not before the last `then` was called."""
        self._number += 1
        self._then = then
        self._alarm = self._loop.call_later(GIVE_WAY_AFTER, self._give_way)
        self._jobs.put((self._number, job))

    async def close(self) -> None:
        """End the thread; no job may be under way."""
        self._jobs.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _serve(self) -> None:
        while (item := self._jobs.get()) is not None:
            number, job = item
            self._failure = job()
            self._landed.release()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._land, number)

    def _land(self, number: int) -> None:
        if self._then is not None and number == self._number:
            self._landed.acquire()
            self._arrive()

    def _give_way(self) -> None:
        if self._landed.acquire(timeout=GIVE_WAY_FOR):
            self._arrive()
        else:
            self._alarm = self._loop.call_later(GIVE_WAY_AFTER, self._give_way)

    def _arrive(self) -> None:
        then, self._then = self._then, None
        if self._alarm is not None:
            self._alarm.cancel()
        if then is not None:
            then(self._failure)
