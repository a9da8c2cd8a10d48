"""The zygote: `python -m runtime.wasm.guest.zygote FD PARENT NICE`. All workers are forked from it.

One thread, which waits. It has wasmtime imported and its engines made, so that a worker is ready within milliseconds;
it never compiles and never runs a guest, because a fork of a process that did either can hang. It does not load
modules, either: whoever maps one tenant's code is not shared with another.
"""

import gc
import os
import resource
import select
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from runtime.wasm.guest.bindings import choose
from runtime.wasm.guest.engines import engine
from runtime.wasm.guest.probe import fast_bindings_work
from runtime.wasm.guest.worker import House, become_worker
from runtime.wasm.lifeline import die_with_parent
from runtime.wasm.settings import COMPONENT, CORE
from runtime.wasm.wire import MESSAGE_MOST, Fork, Forked, NotForked, Reaped, decode_fork, encode

_DESCRIPTORS = 5


class Zygote:
    """Forks on demand and tells how each fork ended."""

    def __init__(self, master: socket.socket, house: House) -> None:
        self._master = master
        self._house = house
        self._poll = select.poll()
        self._poll.register(master, select.POLLIN)
        self._children: dict[int, tuple[int, int]] = {}
        """A worker's pidfd: its id and pid."""

    def run(self) -> None:
        """Serve until the daemon is gone."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor != self._master.fileno():
                    self._reap(descriptor)
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._master, MESSAGE_MOST, _DESCRIPTORS)
        if not data:
            return False
        try:
            self._fork(decode_fork(data), descriptors)
        finally:
            for each in descriptors:
                os.close(each)
        return True

    def _fork(self, order: Fork, descriptors: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            self._master.sendall(encode(NotForked(id=order.id, why=str(error))))
            return
        if not pid:
            become_worker(descriptors, self._house)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = (order.id, pid)
        self._poll.register(pidfd, select.POLLIN)
        socket.send_fds(self._master, [encode(Forked(id=order.id, pid=pid))], [pidfd])

    def _reap(self, pidfd: int) -> None:
        number, pid = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status, used = os.wait4(pid, 0)
        cpu = round((used.ru_utime + used.ru_stime) * 1e9)
        told = Reaped(id=number, status=os.waitstatus_to_exitcode(status), cpu_ns=cpu, max_rss=used.ru_maxrss * 1024)
        self._master.sendall(encode(told))


def _stand_back(niceness: int) -> None:
    """Have less weight than the daemon, and all workers with us.

    Where the kernel weighs sessions before processes (autogroup), niceness would count among ourselves only: there the
    session gets it as well.
    """
    os.setsid()
    os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def main() -> NoReturn:
    """The process."""
    master = socket.socket(fileno=int(sys.argv[1]))
    die_with_parent(int(sys.argv[2]))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    fast = fast_bindings_work()
    engines = {False: engine(CORE), True: engine(COMPONENT)}
    house = House(engines=engines, bindings=choose(fast=fast), fast=fast, pid=os.getpid())
    gc.collect()
    gc.freeze()
    _stand_back(int(sys.argv[3]))
    with suppress(OSError):  # the daemon is gone: nothing is left to do
        Zygote(master, house).run()
    os._exit(0)


if __name__ == "__main__":
    main()
