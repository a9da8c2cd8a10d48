"""Throttle: CPU shares, held by stopping workers for moments. Only those that have work are looked at."""

import asyncio

import msgspec

from runtime.wasm.host.worker_process import WorkerProcess

TICK = 0.01
"""Seconds between looks, while anybody is under way."""
_BURST = 0.02
"""Seconds of CPU that an idle worker saves up."""


class _Account(msgspec.Struct):
    """`credit` in seconds of CPU; below zero the worker stands still."""

    share: float
    credit: float
    used: float
    at: float
    free_until: float = 0.0


class Throttle:
    """All replicas of a launcher that have a share. A worker that has had more than that waits until it has not."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._accounts: dict[WorkerProcess, _Account] = {}
        self._working: set[WorkerProcess] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, process: WorkerProcess, share: float) -> None:
        """It has work from now on. `share` is in cores."""
        account = self._accounts.get(process)
        if account is None:
            used = process.cpu_ns() / 1e9
            self._accounts[process] = _Account(share=share, credit=_BURST, used=used, at=self._loop.time())
        self._working.add(process)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK, self._look)

    def end(self, process: WorkerProcess) -> None:
        """It has no work; it must not stand still when the next comes."""
        self._working.discard(process)
        process.resume()

    def let_go(self, process: WorkerProcess, seconds: float) -> None:
        """It is being interrupted: it must not stand still for so long."""
        account = self._accounts.get(process)
        if account is not None:
            account.free_until = self._loop.time() + seconds
        process.resume()

    def forget(self, process: WorkerProcess) -> None:
        """It has ended."""
        self._working.discard(process)
        self._accounts.pop(process, None)

    def _look(self) -> None:
        now = self._loop.time()
        for process in self._working:
            account = self._accounts[process]
            used = process.cpu_ns() / 1e9
            account.credit += (now - account.at) * account.share - (used - account.used)
            account.credit = min(account.credit, _BURST)
            account.used, account.at = used, now
            if account.credit < 0 and now >= account.free_until:
                process.pause()
            else:
                process.resume()
        self._timer = self._loop.call_later(TICK, self._look) if self._working else None
