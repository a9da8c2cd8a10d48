"""Probes: how a replica is asked. Each is asked once, in this process, past ingress and router, and counted nowhere."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Protocol

import msgspec

from catalog.errors import FabricError
from runtime.forms.workload import HealthCheck
from runtime.wasm.launch import Abi, Launch, Launcher, Replica
from runtime.wasm.messages import encode_request

Result = Callable[[str | None], None]
"""Told once: None for well, or what is wrong."""
SAID_MOST = 300
"""Characters of a command's output that a failure is told with."""


class Question(Protocol):
    """A probe under way."""

    def cancel(self) -> None:
        """The answer is of no interest any more."""
        ...


class HttpQuestion:
    """A request like any other, handed to the worker itself. No task: the worker calls back."""

    def __init__(self, service: str, replica: Replica, check: HealthCheck, result: Result) -> None:
        self._result: Result | None = result
        self._expected = check.expected_status
        headers = [(b"host", service.encode()), (b"user-agent", b"fabric-health"), (b"x-fabric-probe", b"1")]
        replica.submit(encode_request(check.method.encode(), check.path.encode(), headers, b""), self._done)

    def cancel(self) -> None:
        """See Question."""
        self._result = None

    def _done(self, answer: bytes | Exception) -> None:
        result, self._result = self._result, None
        if result is None:
            return
        if not isinstance(answer, bytes):
            result(answer.message if isinstance(answer, FabricError) else "it could not be asked")
            return
        status = answer[1] | answer[2] << 8 if len(answer) > 2 else 0
        result(None if status == self._expected else f"it answered {status}, expected was {self._expected}")


class TaskQuestion:
    """What needs to be waited for."""

    def __init__(self, work: Callable[[], Coroutine[None, None, str | None]], result: Result) -> None:
        self._result: Result | None = result
        self._task = asyncio.create_task(self._run(work))

    def cancel(self) -> None:
        """See Question."""
        self._result = None
        self._task.cancel()

    async def _run(self, work: Callable[[], Coroutine[None, None, str | None]]) -> None:
        try:
            wrong = await work()
        except FabricError as error:
            wrong = error.message
        result, self._result = self._result, None
        if result is not None:
            result(wrong)


async def connects(replica: Replica) -> str | None:
    """Does a connection to it begin? Raises FabricError where it does not."""
    pipes = await replica.connect()
    for descriptor in (pipes.stdin, pipes.stdout):
        with suppress(OSError):
            os.close(descriptor)
    return None


async def runs(
    launcher: Launcher, template: Launch, instance: str, command: tuple[str, ...], seconds: float
) -> str | None:
    """Does a fresh instance with these arguments end well? It is killed if it is waited for no longer."""
    said = bytearray()

    def output(_: str, piece: bytes) -> None:
        said.extend(piece[: max(0, 4 * SAID_MOST - len(said))])

    launch = msgspec.structs.replace(template, instance=instance, abi=Abi.COMMAND, argv=(*template.argv[:1], *command))
    replica = await launcher.launch(launch, output=output, outgoing=None, timeout=seconds)
    try:
        end = await replica.ended()
    except asyncio.CancelledError:
        replica.kill()
        raise
    if end.good:
        return None
    text = bytes(said).decode("utf-8", "replace").strip()[-SAID_MOST:]
    return f"it ended with {end.trap or f'code {end.code}'}" + (f": {text}" if text else "")
