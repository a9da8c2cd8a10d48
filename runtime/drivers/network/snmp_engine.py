"""The engine of pysnmp, made beside the event loop, kept between calls, and closed once nobody uses it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pysnmp.hlapi.v3arch.asyncio import SnmpEngine

from runtime.threads import in_thread


class Engine:
    """Makes one engine when it is first asked for. To make one takes 70 ms, longer than an agent takes to answer.

    `proved` says that an agent has answered it.
    """

    def __init__(self) -> None:
        self.proved = False
        self._made: asyncio.Future[SnmpEngine] | None = None
        self._users = 0
        self._closed = False

    @asynccontextmanager
    async def using(self) -> AsyncIterator[SnmpEngine]:
        """The engine, for as long as the block lasts."""
        if self._made is None:
            self._made = in_thread(SnmpEngine, lambda: None, name="snmp-engine")
        self._users += 1
        try:
            # Whoever waits for it may leave; the others still want it.
            yield await asyncio.shield(self._made)
        finally:
            self._users -= 1
            self._end()

    def close(self) -> None:
        """End its sockets and its timer, once nobody uses it any more."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        if self._closed and not self._users and self._made is not None:
            self._made.add_done_callback(_close)


def _close(made: "asyncio.Future[SnmpEngine]") -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().close_dispatcher()
