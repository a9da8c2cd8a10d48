"""ZygoteLauncher: starts workers, and the zygote with the first of them or when it has ended."""

import asyncio
import os
import socket
from contextlib import ExitStack

from runtime.wasm.host.replica import Ends, WorkerReplica
from runtime.wasm.host.throttle import Throttle
from runtime.wasm.host.zygote_link import ZygoteLink
from runtime.wasm.launch import Launch, Line, Outgoing
from runtime.wasm.wire import encode_launch

NICENESS = 5


class ZygoteLauncher:
    """`launch.Launcher`. Use it on one loop, whose thread lives as long as the process.

    `niceness` is the guests': what they get of busy cores beside the daemon, which has 0.
    """

    def __init__(self, *, niceness: int = NICENESS) -> None:
        self._niceness = niceness
        self._link: ZygoteLink | None = None
        self._throttle: Throttle | None = None
        self._replicas: set[WorkerReplica] = set()

    async def launch(
        self,
        launch: Launch,
        *,
        output: Line,
        outgoing: Outgoing | None,
        timeout: float,  # noqa: ASYNC109 (one request's, not this call's)
    ) -> WorkerReplica:
        """See launch.Launcher."""
        loop = asyncio.get_running_loop()
        link = self._zygote(loop)
        if self._throttle is None:
            self._throttle = Throttle(loop)
        with ExitStack() as theirs:
            ends, descriptors = _connect(launch, theirs)
            replica = WorkerReplica(launch, ends, self._throttle, output, outgoing, timeout)
            self._replicas.add(replica)
            replica.when_ended(lambda: self._replicas.discard(replica))
            await replica.open()
            try:
                replica.forked(await link.fork(descriptors, replica.has_ended))
            except BaseException:
                replica.abandon()
                raise
        try:
            await replica.started()
        except BaseException:
            replica.kill()
            raise
        return replica

    async def close(self) -> None:
        """See launch.Launcher."""
        if self._link is not None:
            await self._link.close()
        for replica in list(self._replicas):
            await replica.ended()

    def _zygote(self, loop: asyncio.AbstractEventLoop) -> ZygoteLink:
        if self._link is None or not self._link.alive:
            self._link = ZygoteLink(loop, self._niceness)
        return self._link


def _connect(launch: Launch, theirs: ExitStack) -> tuple[Ends, list[int]]:
    """Our ends, and the worker's descriptors, which `theirs` closes."""
    requests, worker_requests = socket.socketpair()
    control, worker_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.enter_context(worker_requests)
    theirs.enter_context(worker_control)
    pipes = [os.pipe(), os.pipe()]
    document = os.memfd_create("launch", os.MFD_CLOEXEC)
    for each in (pipes[0][1], pipes[1][1], document):
        theirs.callback(os.close, each)
    os.write(document, encode_launch(launch))
    requests.setblocking(False)
    ends = Ends(requests, control, pipes[0][0], pipes[1][0])
    return ends, [worker_requests.fileno(), worker_control.fileno(), pipes[0][1], pipes[1][1], document]
