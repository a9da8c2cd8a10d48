"""ZygoteLauncher: starts workers, and the zygote with the first of them or when it has ended."""

import asyncio
import os
import socket
from contextlib import ExitStack

from catalog.errors import Unavailable
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
            try:
                await replica.open()
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
    """Our ends, and the worker's descriptors, which `theirs` closes. Raises Unavailable ZYGOTE_DOWN."""
    try:
        with ExitStack() as ours:
            sockets = [_pair(ours, theirs, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)]
            pipes = [_pipe(ours, theirs) for _ in range(2)]
            document = os.memfd_create("launch", os.MFD_CLOEXEC)
            theirs.callback(os.close, document)
            os.write(document, encode_launch(launch))
            ours.pop_all()
    except OSError as error:
        raise Unavailable("ZYGOTE_DOWN", f"No worker can be connected: {error.strerror}.", hint="Try again.") from None
    (requests, worker_requests), (control, worker_control) = sockets
    (stdout, worker_stdout), (stderr, worker_stderr) = pipes
    descriptors = [worker_requests.fileno(), worker_control.fileno(), worker_stdout, worker_stderr, document]
    return Ends(requests, control, stdout, stderr), descriptors


def _pair(ours: ExitStack, theirs: ExitStack, kind: socket.SocketKind) -> tuple[socket.socket, socket.socket]:
    mine, workers = socket.socketpair(socket.AF_UNIX, kind)
    mine.setblocking(False)
    return ours.enter_context(mine), theirs.enter_context(workers)


def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[int, int]:
    mine, workers = os.pipe()
    ours.callback(os.close, mine)
    theirs.callback(os.close, workers)
    return mine, workers
