"""A blocking call in a daemon thread, so that one that hangs delays neither the loop nor the exit."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")

IDLE_SECONDS = 10.0
"""A thread without work is kept for so long: to start one costs more than most calls."""


def in_thread(
    work: Callable[[], T], ended: Callable[[], None], *, name: str, fresh: bool = False
) -> "asyncio.Future[T]":
    """Begin `work()` and give what it will return or raise.

    `ended` is called on the loop when it has, whether anybody waits for it or not. A future that is cancelled stops
    nothing. `fresh` work is given a thread of that `name` which ends with it, for what changes its thread for good.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        found, error = None, None
        try:
            found = work()
        except BaseException as raised:  # noqa: BLE001 - handed to whoever waits, whatever it is
            error = raised
        # After the loop has closed nobody waits any more, and call_soon_threadsafe says so by RuntimeError.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, found, error)

    def settle(found: T | None, error: BaseException | None) -> None:
        ended()
        if answer.cancelled():
            return
        if isinstance(error, StopIteration):
            # No future takes one.
            answer.set_exception(RuntimeError("the work raised StopIteration"))
        elif error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found)  # type: ignore[arg-type] # without an error it is what the work returned

    if fresh:
        threading.Thread(target=run, name=name, daemon=True).start()
    else:
        _worker().jobs.put(run)
    return answer


class _Worker:
    """A thread that does one job after another, and stands among the idle in between."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._work, name="blocking", daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                self.jobs.get(timeout=IDLE_SECONDS)()
            except Empty:
                try:
                    _idle.remove(self)
                except ValueError:
                    # Taken in this moment: its job is on the way.
                    continue
                return
            _idle.append(self)


_idle: deque[_Worker] = deque()


def _worker() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()
