"""A launch that is called off, at whatever moment, leaves nothing that the end of the daemon would wait for."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import uvloop

from runtime.wasm.launch import Abi, Launch
from tests.runtime.wasm.lab import PATIENCE, Lab, ask
from tests.runtime.wasm.modules_in_wat import REACTOR

TURNS = 30
"""Of the loop: more than there are before the zygote is asked."""


async def call_off_after(lab: Lab, launch: Launch, turns: int) -> None:
    beginning = asyncio.create_task(lab.launcher.launch(launch, output=lambda *_: None, outgoing=None, timeout=1.0))
    for _ in range(turns):
        await asyncio.sleep(0)
    beginning.cancel()
    with suppress(asyncio.CancelledError):
        await (await beginning).stop(0)


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_whatever_moment_a_launch_is_called_off_at_the_launcher_closes(
    tmp_path: Path, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def main() -> None:
        lab = Lab(tmp_path)
        stays = await lab.start(REACTOR)
        launch = Launch(service="lab", instance="lab-2", abi=Abi.REACTOR, compiled=(await lab.compile(REACTOR)).path)
        for turns in range(TURNS):
            await call_off_after(lab, launch, turns)
        assert await ask(stays, b"e") == b"e"
        async with asyncio.timeout(PATIENCE):
            await lab.launcher.close()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main())
