"""A clock that stands still until it is told."""


class FakeClock:
    """Wall and monotonic time, set apart, and ids that count up. Implements engine.ports.Clock."""

    def __init__(self, now: float = 1_800_000_000.0, *, life: int = 0) -> None:
        self.wall = now
        self.steady = 1_000.0
        self._life = life
        self._made = 0

    def now(self) -> float:
        """The wall clock."""
        return self.wall

    def monotonic(self) -> float:
        """The steady clock."""
        return self.steady

    def new_id(self) -> str:
        """The next id; `life` tells one process's from another's."""
        self._made += 1
        return f"{int(self.wall * 1000):012x}-{self._life:04x}-{self._made:012x}"

    def pass_by(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.wall += seconds
        self.steady += seconds

    def set_wall(self, seconds: float) -> None:
        """Somebody sets the wall clock forward or back by so many seconds."""
        self.wall += seconds
