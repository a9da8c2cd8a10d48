"""Numbers: gives each event a number that was never given before, without asking the disk each time."""

import asyncio
from collections.abc import Coroutine

import msgspec
import structlog

from catalog.errors import Unavailable
from runtime.state import StateStore

BLOCK = 1_000_000
"""Numbers set aside in one write. A stop that is not clean skips what was left of them."""

_log = structlog.get_logger()

_KIND, _ID = "event-numbers", "mark"


class Numbers:
    """Counts up from 1; with a state, from beyond every number that an earlier start may have given."""

    def __init__(self, state: StateStore | None) -> None:
        self._state = state
        self._mark = 0
        self._write: asyncio.Task[None] | None = None
        self.last = 0
        """The last number given, or set aside by an earlier start."""

    async def open(self, at_least: int) -> None:
        """Go on beyond `at_least` and beyond what was set aside. Raises Unavailable STATE_*."""
        self.last = at_least
        if self._state is not None:
            kept = self._state.load(_KIND)
            self.last = max([at_least, *(msgspec.json.decode(each, type=int) for each in kept)])
            await self._reserve(self._state, self.last + BLOCK)

    def next(self) -> int:
        """The next number."""
        self.last += 1
        if self._state is not None and self.last > self._mark - BLOCK // 2 and self._write is None:
            self._begin(self._reserve(self._state, self.last + BLOCK))
        return self.last

    async def close(self) -> None:
        """Give back what was not used; where that cannot be written, the next start skips it."""
        if self._write is not None:
            await asyncio.wait([self._write])
        if self._state is not None and self._mark:
            try:
                await self._reserve(self._state, self.last)
            except Unavailable as error:
                _log.warning("event_numbers_skipped", code=error.code)

    async def _reserve(self, state: StateStore, mark: int) -> None:
        await state.put(_KIND, _ID, msgspec.json.encode(mark))
        self._mark = mark

    def _begin(self, write: Coroutine[None, None, None]) -> None:
        self._write = asyncio.create_task(self._attempt(write))

    async def _attempt(self, write: Coroutine[None, None, None]) -> None:
        try:
            await write
        except Unavailable:
            await asyncio.sleep(1)  # a full disk: the next number asks again, and half a block is still set aside
        finally:
            self._write = None
