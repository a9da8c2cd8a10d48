"""A clock that stands still until it is told, with real ids: for whole engines."""

from engine.clock import SystemClock
from tests.fakes.clock import FakeClock


class StillClock(FakeClock):
    """Implements engine.ports.Clock. `reboot` starts the steady clock anew, as a machine does."""

    def __init__(self) -> None:
        super().__init__()
        self._ids = SystemClock()

    def new_id(self) -> str:
        """A UUIDv7 of the real time."""
        return self._ids.new_id()

    def reboot(self, steady: float) -> None:
        """The machine, and not only the process, is started again."""
        self.steady = steady
