"""WorkerProcess: a worker as the kernel sees it."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from runtime.wasm.wire import Reaped

_PAGE = os.sysconf("SC_PAGE_SIZE")


class WorkerProcess:
    """Signals go through a pidfd: they never hit another process that got the number. Owns the pidfd."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._clock = (~pid << 3) | 2
        """clock_getcpuclockid(3): a CPU clock of the whole process, however many threads it has."""
        self._cpu_ns = 0
        self.reaped: Reaped | None = None
        self.paused = False

    def cpu_ns(self) -> int:
        """CPU time until now, or of its whole life."""
        if self.reaped is None:
            with suppress(OSError):  # it has ended, and the zygote's word is on its way
                self._cpu_ns = time.clock_gettime_ns(self._clock)
        return self._cpu_ns

    def private_memory(self) -> int:
        """Bytes that are resident and shared with no other process; 0 when it has ended."""
        if self.reaped is None:
            with suppress(OSError):
                _, resident, shared, *_ = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()
                return (int(resident) - int(shared)) * _PAGE
        return 0

    def kill(self) -> None:
        """SIGKILL; nothing happens if it has ended."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP."""
        if not self.paused:
            self.paused = True
            self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT, if it is paused."""
        if self.paused:
            self.paused = False
            self._signal(signal.SIGCONT)

    def has_ended(self, reaped: Reaped) -> None:
        """The zygote has reaped it."""
        self.reaped = reaped
        self._cpu_ns = max(self._cpu_ns, reaped.cpu_ns)
        os.close(self._pidfd)
        self._pidfd = -1

    def _signal(self, number: signal.Signals) -> None:
        if self._pidfd < 0:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)
