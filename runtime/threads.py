"""A blocking call in a daemon thread of its own, so that one that hangs delays neither the loop nor the exit."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T], ended: Callable[[], None], *, name: str) -> "asyncio.Future[T]":
    """Begin `work()` and give what it will return or raise.

    `ended` is called on the loop when it has, whether anybody waits for it or not. A future that is cancelled stops
    nothing: the thread ends when the work does.
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

    threading.Thread(target=run, name=name, daemon=True).start()
    return answer
