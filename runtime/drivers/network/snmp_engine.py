"""The engine of pysnmp, made beside the event loop and kept between calls."""

import asyncio

from pysnmp.hlapi.v3arch.asyncio import SnmpEngine

from runtime.threads import in_thread


class Engine:
    """Makes one engine when it is first asked for. To make one takes 70 ms, longer than an agent takes to answer."""

    def __init__(self) -> None:
        self._made: asyncio.Future[SnmpEngine] | None = None

    async def get(self) -> SnmpEngine:
        """The engine."""
        if self._made is None:
            self._made = in_thread(SnmpEngine, lambda: None, name="snmp-engine")
        # Whoever waits for it may leave; the others still want it.
        return await asyncio.shield(self._made)

    def close(self) -> None:
        """End its sockets and its timer; what is under way is never answered."""
        if self._made is not None:
            self._made.add_done_callback(_close)


def _close(made: "asyncio.Future[SnmpEngine]") -> None:
    if not made.cancelled() and made.exception() is None:
        made.result().close_dispatcher()
