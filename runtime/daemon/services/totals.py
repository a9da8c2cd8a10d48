"""Totals: what all replicas of a service have used, those that ended included; and CPU over a window."""

from collections import deque
from collections.abc import Iterable

import msgspec

from runtime.wasm.launch import Exit, Replica, Usage

WINDOW = 10.0
"""Seconds over which CPU is averaged where there are looks that old."""
SHORTEST = 0.5
"""Looks that follow sooner are none of their own."""


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """CPU over all time; memory of those that run, and the most one replica ever had; instances that trapped."""

    cpu_ns: int
    memory: int
    memory_peak: int
    traps: int


class Totals:
    """Nothing is collected in between: a look that is taken is the beginning of a later one's window."""

    def __init__(self, now: float) -> None:
        self._cpu_ns = 0
        self._peak = 0
        self._traps = 0
        self._looks = deque([(now, 0)])

    def add_ended(self, replica: Replica, end: Exit) -> None:
        """Keep what a replica has used at its end."""
        usage = replica.usage()
        self._cpu_ns += max(end.cpu_ns, usage.cpu_ns)
        self._peak = max(self._peak, usage.memory_peak)
        self._traps += usage.traps

    def now(self, replicas: Iterable[Replica]) -> Total:
        """The sum with those that run."""
        found: list[Usage] = [each.usage() for each in replicas]
        return Total(
            cpu_ns=self._cpu_ns + sum(each.cpu_ns for each in found),
            memory=sum(each.memory for each in found),
            memory_peak=max(self._peak, *(each.memory_peak for each in found)) if found else self._peak,
            traps=self._traps + sum(each.traps for each in found),
        )

    def cores(self, cpu_ns: int, now: float) -> float:
        """Cores in use at monotonic `now`: since the look that is about a window old, or since the oldest there is."""
        looks = self._looks
        while len(looks) > 1 and looks[1][0] <= now - WINDOW:
            looks.popleft()
        then, before = looks[0]
        if looks[-1][0] <= now - SHORTEST:
            looks.append((now, cpu_ns))
        return max(0.0, (cpu_ns - before) / 1e9 / (now - then)) if now > then else 0.0
