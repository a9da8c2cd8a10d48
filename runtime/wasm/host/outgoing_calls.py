"""OutgoingCalls: the guests' `fabric.http_request`s, each a task of its own."""

import asyncio
from collections.abc import Callable

from catalog.errors import FabricError
from runtime.wasm.launch import Outgoing
from runtime.wasm.messages import encode_answer


class OutgoingCalls:
    """One replica's. A guest waits for its answer, so there are never more than it has threads."""

    def __init__(self, outgoing: Outgoing | None) -> None:
        self._outgoing = outgoing
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, request: bytes, answer: Callable[[bytes], None]) -> None:
        """Carry it out, and then call `answer`."""
        task = asyncio.ensure_future(self._carry_out(request, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Nobody waits any longer."""
        for task in self._tasks:
            task.cancel()

    async def _carry_out(self, request: bytes, answer: Callable[[bytes], None]) -> None:
        if self._outgoing is None:
            answer(encode_answer(0, [], b"FORBIDDEN"))
            return
        try:
            answer(await self._outgoing(request))
        except FabricError as error:
            answer(encode_answer(0, [], error.code.encode()))
