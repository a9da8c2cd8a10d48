"""Guards: the ingest rate, as one process keeps it."""

import re
from collections import deque
from collections.abc import Callable, Iterable

from catalog.errors import Invalid, TooMany
from engine.ports import Clock

_QUANTUM = 0.01
_LIMIT = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})s\Z")

Quantum = list[float]
"""What was counted within 10 ms: its last moment, how many, its first moment."""


class Rate:
    """So many in a window of so many seconds."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `120/60s`. Raises Invalid SETTING_INVALID."""
        found = _LIMIT.match(text)
        if found is None:
            raise Invalid("SETTING_INVALID", f"`{text}` is not a rate.", hint="Write `120/60s`.")
        return cls(int(found[1]), float(found[2]))


class Window:
    """A sliding window for each organisation: never more than the limit in ANY window of that length.

    Times are kept in quanta of 10 ms that expire with their last moment, so memory is bounded whatever the limit.
    `refusal` makes the error from the rate and the seconds to wait.
    """

    def __init__(self, rate: Rate, clock: Clock, refusal: Callable[[Rate, float], TooMany] | None = None) -> None:
        self._rate = rate
        self._clock = clock
        self._refusal = refusal or too_many
        self._kept: dict[str, deque[Quantum]] = {}
        self._sums: dict[str, int] = {}

    def restore(self, organisation_id: str, ages: Iterable[float]) -> None:
        """Count what was accepted before a restart; `ages` in seconds, oldest first.

        A negative age shows that the wall clock was set back meanwhile; it counts as just now, never as later.
        """
        now = self._clock.monotonic()
        for age in ages:
            self._add(organisation_id, now - max(age, 0.0))

    def admit(self, organisation_id: str) -> Quantum:
        """Count one; what comes back is for `give_back`. Raises the refusal: TooMany INGEST_RATE if no other is set."""
        now = self._clock.monotonic()
        quanta = self._kept.get(organisation_id)
        if quanta:
            while quanta and now - quanta[0][0] >= self._rate.seconds:
                gone = quanta.popleft()
                self._sums[organisation_id] -= int(gone[1])
                gone[1] = 0
            if self._sums[organisation_id] >= self._rate.limit:
                raise self._refusal(self._rate, self._rate.seconds - (now - quanta[0][0]))
        return self._add(organisation_id, now)

    def give_back(self, organisation_id: str, counted: Quantum) -> None:
        """Take back what `admit` counted: it was refused elsewhere."""
        if counted[1]:
            counted[1] -= 1
            self._sums[organisation_id] -= 1

    def _add(self, organisation_id: str, moment: float) -> Quantum:
        quanta = self._kept.setdefault(organisation_id, deque())
        if quanta and moment - quanta[-1][2] < _QUANTUM:
            quanta[-1][0] = moment
            quanta[-1][1] += 1
        else:
            quanta.append([moment, 1, moment])
        self._sums[organisation_id] = self._sums.get(organisation_id, 0) + 1
        return quanta[-1]


def too_many(rate: Rate, wait: float) -> TooMany:
    """The error for an organisation over its rate; `wait` in seconds."""
    return TooMany(
        "INGEST_RATE",
        f"The organisation has sent {rate.limit} events within {rate.seconds:g} s.",
        retry_after=max(wait, 1.0),
        hint="Wait, or have the operator raise FABRIC_INGEST_LIMIT.",
    )
