"""DNS off the event loop: a daemon thread for each lookup, so that one that hangs delays neither loop nor exit."""

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

from runtime.threads import in_thread

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
        return await in_thread(lookup, self._places.release, name="egress-lookup")
