"""The floor: a worker as every other, forked by a zygote as the daemon's, whose loop gives back what it got."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.void import Void
from runtime.wasm.host import zygote_link
from runtime.wasm.host.launcher import ZygoteLauncher
from runtime.wasm.launch import Launch, Replica

SECONDS = 30.0


class Echo:
    """Asks the echoing worker."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._loop = asyncio.get_running_loop()

    async def once(self, request: bytes) -> float:
        """Microseconds there and back."""
        answered: asyncio.Future[bytes] = self._loop.create_future()

        def done(answer: bytes | Exception) -> None:
            if isinstance(answer, bytes):
                answered.set_result(answer)
            else:
                answered.set_exception(answer)

        began = time.perf_counter()
        self._replica.submit(request, done)
        answer = await answered
        took = (time.perf_counter() - began) * 1e6
        if answer != request:
            raise Void("the echo is another")
        return took


@asynccontextmanager
async def echo(launch: Launch) -> AsyncIterator[Echo]:
    """Start the echoing worker; it has the module of `launch` loaded, and never calls it."""
    launcher, usual = ZygoteLauncher(), zygote_link._ZYGOTE
    try:
        zygote_link._ZYGOTE = "bench.operations.echo_zygote"  # a constant to everybody else
        replica = await launcher.launch(launch, output=lambda _stream, _piece: None, outgoing=None, timeout=SECONDS)
        yield Echo(replica)
    finally:
        zygote_link._ZYGOTE = usual
        await launcher.close()
