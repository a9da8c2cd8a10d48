"""OutputPipe: what a guest prints, as it comes, and never more than the daemon can stomach."""

import asyncio
import os
from collections.abc import Callable

from runtime.wasm.host.allowance import Allowance

_PIECE = 64 * 1024
BURST = 1024 * 1024
RATE = 4 * 1024 * 1024
"""Bytes a second that are taken off one stream after a burst; beyond, the guest waits in its write."""


class OutputPipe:
    """Owns the reading end. Nothing runs while nothing is printed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int, output: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._output = output
        self._allowance = Allowance(loop.time, rate=RATE, burst=BURST)
        self._rest: asyncio.TimerHandle | None = None
        self._open = True
        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, self._read)

    def drain(self) -> None:
        """Take what is left in the pipe, and close. The writer has ended."""
        while self._open and self._take():
            pass
        self.close()

    def close(self) -> None:
        """Read no more."""
        if not self._open:
            return
        self._open = False
        if self._rest is not None:
            self._rest.cancel()
        else:
            self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        count = self._take()
        if not self._open:
            return
        wait = self._allowance.take(count)
        if wait:
            self._loop.remove_reader(self._descriptor)
            self._rest = self._loop.call_later(wait, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        self._loop.add_reader(self._descriptor, self._read)

    def _take(self) -> int:
        try:
            piece = os.read(self._descriptor, _PIECE)
        except BlockingIOError:
            return 0
        if not piece:
            self.close()
            return 0
        self._output(piece)
        return len(piece)
