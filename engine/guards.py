"""Guards: the ingest rate, and the seed's Redis keys in front of the store's own checks.

Redis is a hint and never the truth: its keys tell that a look in the store is worth while, and the store decides.
A lost or lying Redis therefore neither drops an event nor fires one twice.
"""

import asyncio
import re
from collections import deque
from collections.abc import Iterable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from catalog.errors import Invalid, TooMany
from engine.measures import Measures
from engine.ports import Clock

FIRED_SECONDS = 300
_QUANTUM = 0.01
_LIMIT = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,5})s\Z")


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
    """

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._kept: dict[str, deque[list[float]]] = {}
        self._sums: dict[str, int] = {}

    def restore(self, organisation_id: str, ages: Iterable[float]) -> None:
        """Count what was accepted before a restart; `ages` in seconds, oldest first."""
        now = self._clock.monotonic()
        for age in ages:
            self._add(organisation_id, now - age)

    def admit(self, organisation_id: str) -> None:
        """Count one. Raises TooMany INGEST_RATE with the seconds to wait."""
        now = self._clock.monotonic()
        quanta = self._kept.get(organisation_id)
        if quanta:
            while quanta and now - quanta[0][0] >= self._rate.seconds:
                self._sums[organisation_id] -= int(quanta.popleft()[1])
            if self._sums[organisation_id] >= self._rate.limit:
                raise _too_many(self._rate, self._rate.seconds - (now - quanta[0][0]))
        self._add(organisation_id, now)

    def _add(self, organisation_id: str, moment: float) -> None:
        quanta = self._kept.setdefault(organisation_id, deque())
        if quanta and moment - quanta[-1][2] < _QUANTUM:
            quanta[-1][0] = moment
            quanta[-1][1] += 1
        else:
            quanta.append([moment, 1, moment])
        self._sums[organisation_id] = self._sums.get(organisation_id, 0) + 1


def _too_many(rate: Rate, wait: float) -> TooMany:
    return TooMany(
        "INGEST_RATE",
        f"The organisation has sent {rate.limit} events within {rate.seconds:g} s.",
        retry_after=max(wait, 1.0),
        hint="Wait, or have the operator raise FABRIC_INGEST_LIMIT.",
    )


_ADMIT = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[2])
if redis.call('ZSCORE', KEYS[1], ARGV[4]) then return -1 end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return tonumber(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return -1
"""


class RedisGuards:
    """The seed's keys in Redis or Valkey. Every call is short-lived and may fail; then the store alone guards."""

    CALL_SECONDS = 0.25
    REST_SECONDS = 5.0

    def __init__(self, url: str, clock: Clock, measures: Measures) -> None:
        self._redis = Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_connect_timeout=self.CALL_SECONDS)
        self._clock = clock
        self._measures = measures
        self._resting_until = 0.0

    async def fired(self, connection_id: str, event_id: str, cooldown_seconds: int) -> bool:
        """Do the keys say that this firing, or its cooldown, was seen before? False where Redis does not answer."""
        if self._clock.monotonic() < self._resting_until:
            return False
        try:
            async with asyncio.timeout(self.CALL_SECONDS):
                fresh = await self._redis.set(
                    f"fabric:fired:{connection_id}:{event_id}", "1", nx=True, ex=FIRED_SECONDS
                )
                rested = not cooldown_seconds or await self._redis.set(
                    f"fabric:cooldown:{connection_id}", "1", nx=True, ex=cooldown_seconds
                )
        except (RedisError, OSError, TimeoutError):
            self._failed()
            return False
        return not (fresh and rested)

    async def admit(self, organisation_id: str, rate: Rate, request_id: str) -> bool:
        """Count one event of the organisation over all processes. False: Redis does not answer, count locally.

        Raises TooMany INGEST_RATE.
        """
        if self._clock.monotonic() < self._resting_until:
            return False
        now = int(self._clock.now() * 1000)
        window = int(rate.seconds * 1000)
        try:
            async with asyncio.timeout(self.CALL_SECONDS):
                oldest = await self._redis.eval(
                    _ADMIT, 1, f"fabric:ingest:{organisation_id}", str(now), str(window), str(rate.limit), request_id
                )
        except (RedisError, OSError, TimeoutError):
            self._failed()
            return False
        if oldest != -1:
            raise _too_many(rate, (int(oldest) + window - now) / 1000)
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _failed(self) -> None:
        self._measures.guard_errors += 1
        self._resting_until = self._clock.monotonic() + self.REST_SECONDS
