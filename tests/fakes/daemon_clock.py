"""The daemon's clock, standing still until it is told."""


class DaemonClock:
    """Implements runtime.daemon.clock.Clock."""

    def __init__(self, now_ns: int = 1_800_000_000_000_000_000) -> None:
        self.wall_ns = now_ns
        self.steady = 1_000.0

    def now_ns(self) -> int:
        """The wall clock, in nanoseconds."""
        return self.wall_ns

    def monotonic(self) -> float:
        """The steady clock, in seconds."""
        return self.steady

    def pass_by(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.wall_ns += round(seconds * 1e9)
        self.steady += seconds

    def set_wall(self, seconds: float) -> None:
        """Somebody sets the wall clock forward or back by so many seconds."""
        self.wall_ns += round(seconds * 1e9)
