"""SystemClock: the machine's time, and ids that sort by it."""

import os
import threading
import time

_TAIL = 16
_BUFFER = 4096
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class SystemClock:
    """Wall clock, monotonic clock and UUIDv7.

    Ids made by one process rise strictly, whatever the wall clock does: 48 bits of milliseconds that never go back, a
    counter of 12 bits that starts in its lower half each millisecond, 62 random bits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0
        self._prefix = ""
        self._random = ""
        self._at = 0
        os.register_at_fork(after_in_child=self._forked)

    # Asked several times a step, so the functions themselves and no methods around them.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    def new_id(self) -> str:
        """A fresh UUIDv7 (RFC 9562), greater than every one before it in this process."""
        with self._lock:
            at = self._at
            if at >= len(self._random):
                self._random, at = os.urandom(_BUFFER).hex(), 0
            self._at = at + _TAIL
            tail = self._random[at : at + _TAIL]
            millisecond = time.time_ns() // 1_000_000
            if millisecond > self._millisecond:
                self._start(millisecond, int(tail[12:15], 16) >> 1)
            elif self._counter < 0xFFF:
                self._counter += 1
            else:
                self._start(self._millisecond + 1, 0)
            return f"{self._prefix}-7{self._counter:03x}-{_VARIANT[tail[15]]}{tail[:3]}-{tail[3:15]}"

    def _start(self, millisecond: int, counter: int) -> None:
        digits = f"{millisecond:012x}"
        self._millisecond, self._counter = millisecond, counter
        self._prefix = f"{digits[:8]}-{digits[8:]}"

    def _forked(self) -> None:
        """A child shares no randomness with its parent."""
        self._lock = threading.Lock()
        self._random, self._at = "", 0
