"""Transfers: what is told of a push or a pull while it goes on: one JSON document a line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any

from api.daemon.endpoint import Answer, Asked
from api.daemon.stream import NDJSON, line, pour
from catalog.errors import FabricError
from catalog.jsonvalue import Json
from runtime.wasm.modules.progress import SILENT, Progress

EVERY_SECONDS = 0.1
"""How often at most a blob's progress is told."""


class _Told:
    """Progress from a thread, as lines for the loop."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[Json] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._last = 0.0

    def step(self, text: str) -> None:
        self._say({"step": text})

    def output(self, piece: bytes) -> None:
        self._say({"output": piece.decode("utf-8", "replace")})

    def moved(self, name: str, done: int, total: int) -> None:
        now = monotonic()
        if done == total or now - self._last >= EVERY_SECONDS:
            self._last = now
            self._say({"blob": name, "done": done, "total": total})

    def _say(self, what: Json) -> None:
        self._loop.call_soon_threadsafe(self.lines.put_nowait, what)


async def transferred(asked: Asked[Any, Any], work: Callable[[Progress], Awaitable[Json]], *, seconds: float) -> Answer:
    """Answer with what `work` comes to; whoever accepts NDJSON is told of its progress too.

    Then the last line is `{"data": …}` or `{"error": {code, message, details}}`, since the head is out; the work goes
    on when the caller goes away.
    """
    asked.allow(seconds)
    if NDJSON not in (asked.header("accept") or ""):
        return Answer(await work(SILENT))
    told = _Told()
    task = asyncio.ensure_future(_run(work, told))
    asked.door.keep(task)
    return await pour(asked, _lines(told, task), line, NDJSON)


async def _run(work: Callable[[Progress], Awaitable[Json]], told: _Told) -> None:
    try:
        last: Json = {"data": await work(told)}
    except FabricError as error:
        details = {**error.details, **({"hint": error.hint} if error.hint else {})}
        trouble = {"code": error.code, "message": error.message, "details": details, "status": error.status}
        last = {"error": trouble}
    told.lines.put_nowait(last)


async def _lines(told: _Told, task: "asyncio.Task[None]") -> AsyncIterator[Json]:
    while True:
        found = await told.lines.get()
        yield found
        if "data" in found or "error" in found:
            return
