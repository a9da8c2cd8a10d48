"""DNS off the event loop: a daemon thread for each lookup, so that one that hangs delays neither loop nor exit."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

MAX_LOOKUPS = 32
"""Lookups under way at once; a hanging one keeps its place until the system's resolver gives up."""


def system_resolver(host: str) -> tuple[str, ...]:
    """The addresses that the system's resolver knows, in its order; blocks. Raises OSError where there are none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Lookups:
    """Runs blocking lookups for coroutines."""

    def __init__(self, limit: int = MAX_LOOKUPS) -> None:
        self._places = asyncio.Semaphore(limit)

    async def run(self, lookup: Callable[[], T]) -> T:
        """What `lookup()` returns or raises. A caller who is cancelled leaves; the lookup keeps its place."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            found, error = None, None
            try:
                found = lookup()
            except BaseException as raised:  # noqa: BLE001 - handed to the waiting coroutine, whatever it is
                error = raised
            # After the loop has closed nobody waits any more, and call_soon_threadsafe says so by RuntimeError.
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, found, error)

        def settle(found: T | None, error: BaseException | None) -> None:
            self._places.release()
            if answer.cancelled():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(found)  # type: ignore[arg-type] # without an error it is what lookup returned

        threading.Thread(target=work, name="egress-lookup", daemon=True).start()
        return await answer
