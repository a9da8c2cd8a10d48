"""Turns: which request the guest is carrying out, and how it is interrupted from another thread."""

import os
from threading import Lock

import wasmtime

_IDLE = -1


class Turns:
    """The guest's thread begins and ends requests; the main thread interrupts one by its id, and no other.

    An epoch that passes after the guest has returned, but before its turn has ended, would stop the next request:
    `end` says so, and the Store's deadline has to be put off.
    """

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._current = _IDLE
        self._interrupted = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Readable once the current request has been interrupted: for host functions that wait."""
        return self._wake

    @property
    def interrupted(self) -> bool:
        """Has the current request been interrupted? What it asks for from now on is for nobody."""
        return self._interrupted

    def begin(self, request: int) -> None:
        """The guest begins `request`."""
        with self._lock:
            self._current = request

    def end(self) -> bool:
        """The guest has ended it. Was it interrupted?"""
        with self._lock:
            self._current = _IDLE
            interrupted, self._interrupted = self._interrupted, False
        if interrupted:
            os.eventfd_read(self._wake)
        return interrupted

    def interrupt(self, request: int) -> None:
        """Stop `request`, if it is the current one: its wasm code traps, its host functions give up."""
        with self._lock:
            if self._current == request and not self._interrupted:
                self._interrupted = True
                self._engine.increment_epoch()  # first: who wakes up must not get far
                os.eventfd_write(self._wake, 1)
