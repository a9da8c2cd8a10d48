"""History: the last probes of a service."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

KEPT = 1000
"""Probes of one service."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One question and what came of it; `detail` says what was wrong. `response_time` in seconds."""

    time_ns: int
    instance: str
    status: Literal["healthy", "unhealthy"]
    response_time: float
    detail: str | None = None


class History:
    """A service's, newest last; and how often a probe succeeded and failed, ever."""

    def __init__(self) -> None:
        self._probes: deque[Probe] = deque(maxlen=KEPT)
        self.good = 0
        self.bad = 0

    def add(self, probe: Probe) -> None:
        """Keep it in the place of the oldest."""
        self._probes.append(probe)
        if probe.status == "healthy":
            self.good += 1
        else:
            self.bad += 1

    def all(self) -> list[Probe]:
        """Every one that is kept, oldest first."""
        return list(self._probes)

    def put_back(self, probes: Iterable[Probe]) -> None:
        """Have these before those that are here."""
        room = KEPT - len(self._probes)
        earlier = list(probes)
        self._probes.extendleft(reversed(earlier[max(0, len(earlier) - room) :]))

    def read(self, since_ns: int | None, until_ns: int | None, limit: int) -> list[Probe]:
        """Newest first, from `since_ns` to `until_ns`, both included, at most `limit`."""

        def fitting() -> Iterator[Probe]:
            for probe in reversed(self._probes):
                late = until_ns is not None and probe.time_ns > until_ns
                early = since_ns is not None and probe.time_ns < since_ns
                if not late and not early:
                    yield probe

        return [probe for probe, _ in zip(fitting(), range(limit), strict=False)]
