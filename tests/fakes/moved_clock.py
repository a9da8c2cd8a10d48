"""The machine's clock, moved: it runs on as it always does, and tests let time pass or set the wall clock."""

import time

from engine.clock import SystemClock


class MovedClock(SystemClock):
    """Implements engine.ports.Clock. Its ids are real ones."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0
        self._set = 0.0

    def now(self) -> float:
        """The wall clock."""
        return time.time() + self._passed + self._set

    def monotonic(self) -> float:
        """The steady clock."""
        return time.monotonic() + self._passed

    def pass_by(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._passed += seconds

    def set_wall(self, seconds: float) -> None:
        """Somebody sets the wall clock forward or back by so many seconds."""
        self._set += seconds
