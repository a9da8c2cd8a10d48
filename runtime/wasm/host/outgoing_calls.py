"""OutgoingCalls: the guests' `fabric.http_request`s, each a task of its own."""

import asyncio
from collections.abc import Callable

from catalog.errors import FabricError
from runtime.wasm.host.allowance import Allowance
from runtime.wasm.launch import Outgoing
from runtime.wasm.messages import encode_answer

_REFUSED = b"\0\0"
"""An answer's status, after its version."""


class OutgoingCalls:
    """One replica's; `most` are under way at a time, because a guest's thread waits for its answer.

    Refusals beyond 200 at once or 500 a second wait: a guest that asks for what it may not have costs us little.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, outgoing: Outgoing | None, most: int) -> None:
        self._outgoing = outgoing
        self._most = most
        self._under_way = 0
        self._refusals = Allowance(loop.time, rate=500, burst=200)
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, request: bytes, answer: Callable[[bytes], None]) -> bool:
        """Carry it out, and then call `answer`. False: there are too many; whoever asks so much does not wait."""
        if self._under_way >= self._most:
            return False
        self._under_way += 1
        task = asyncio.ensure_future(self._carry_out(request, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def cancel(self) -> None:
        """Nobody waits any longer: no `answer` is called."""
        self._under_way = 0
        for task in self._tasks:
            task.cancel()

    async def _carry_out(self, request: bytes, answer: Callable[[bytes], None]) -> None:
        given = await self._ask(request)
        if given[1:3] == _REFUSED and (wait := self._refusals.take(1)):
            await asyncio.sleep(wait)
        self._under_way -= 1
        answer(given)

    async def _ask(self, request: bytes) -> bytes:
        if self._outgoing is None:
            return encode_answer(0, [], b"FORBIDDEN")
        try:
            return await self._outgoing(request)
        except FabricError as error:
            return encode_answer(0, [], error.code.encode())
