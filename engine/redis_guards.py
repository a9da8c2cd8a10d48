"""RedisGuards: the seed's keys in Redis or Valkey, in front of the store's own checks, and the rate over all processes.

Redis is a hint and never the truth: its keys tell that a look in the store is worth while, and the store decides.
A lost or lying Redis therefore neither drops an event nor fires one twice.
"""

import asyncio

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine.guards import Rate, too_many
from engine.measures import Measures
from engine.ports import Clock

_log = structlog.get_logger()

FIRED_SECONDS = 300

_ADMIT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, late in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')) do
  redis.call('ZADD', KEYS[1], now, late)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (now - ARGV[1]))
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return {ARGV[3], redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] + ARGV[1] - now}
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1] + 1)
return {ARGV[3], -1}
"""
# Redis's own clock, so that machines whose clocks differ share one window; where it is set back, what lies in its
# future counts as just now. The answer names its request: one that belongs to another is not believed.

# redis-py lets what it meets in a garbled answer through as whatever parsing it raised.
_REDIS_TROUBLE = (
    RedisError,
    OSError,
    TimeoutError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)


class _Asked:
    """One firing that is asked for."""

    def __init__(self, connection_id: str, event_id: str, cooldown_seconds: int) -> None:
        self.keys = [(f"fabric:fired:{connection_id}:{event_id}", FIRED_SECONDS)]
        if cooldown_seconds:
            self.keys.append((f"fabric:cooldown:{connection_id}", cooldown_seconds))
        self.seen: asyncio.Future[bool] = asyncio.get_running_loop().create_future()


class RedisGuards:
    """The seed's keys in Redis or Valkey. Every call is short-lived and may fail; then the store alone guards."""

    CALL_SECONDS = 0.25
    REST_SECONDS = 5.0
    CONNECTIONS = 64
    TOGETHER = 256
    """Firings asked for in one round trip: those that came while the last one was under way."""

    def __init__(self, url: str, clock: Clock, measures: Measures) -> None:
        # RESP2: with it the pool looks for a stale answer before it lends a connection, and drops the connection.
        pool = BlockingConnectionPool.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=self.CALL_SECONDS,
            max_connections=self.CONNECTIONS,
            timeout=self.CALL_SECONDS,
        )
        self._redis = Redis.from_pool(pool)
        self._clock = clock
        self._measures = measures
        self._resting_until = 0.0
        self._asked: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None

    async def fired(self, connection_id: str, event_id: str, cooldown_seconds: int) -> bool:
        """Do the keys say that this firing, or its cooldown, was seen before? False where Redis does not answer."""
        asked = _Asked(connection_id, event_id, cooldown_seconds)
        self._asked.append(asked)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask_all())
        return await asked.seen

    async def admit(self, organisation_id: str, rate: Rate, request_id: str) -> None:
        """Count one event of the organisation over all processes; nothing happens where Redis does not answer.

        The caller counts it in his own window first: that one holds when Redis goes, comes back empty, or lies. Raises
        TooMany INGEST_RATE.
        """
        if self._clock.monotonic() < self._resting_until:
            return
        window = int(rate.seconds * 1000)
        try:
            async with asyncio.timeout(self.CALL_SECONDS):
                answer = await self._redis.eval(
                    _ADMIT, 1, f"fabric:ingest:{organisation_id}", str(window), str(rate.limit), request_id
                )
            named, wait = answer
            if named != request_id.encode() or type(wait) is not int or not -1 <= wait <= window:
                raise ValueError("the answer is another request's")
        except _REDIS_TROUBLE as error:
            self._failed(error)
            return
        if wait >= 0:
            raise too_many(rate, wait / 1000)

    async def close(self) -> None:
        """Close the connections."""
        if self._asking is not None:
            await self._asking
        await self._redis.aclose()

    async def _ask_all(self) -> None:
        while self._asked:
            together, self._asked = self._asked[: self.TOGETHER], self._asked[self.TOGETHER :]
            seen = [False] * len(together)
            try:
                seen = await self._ask(together)
            finally:
                for asked, answer in zip(together, seen, strict=True):
                    if not asked.seen.done():
                        asked.seen.set_result(answer)

    async def _ask(self, together: list[_Asked]) -> list[bool]:
        if self._clock.monotonic() < self._resting_until:
            self._measures.guard_hits["unasked"] += len(together)
            return [False] * len(together)
        keys = [(number, *key) for number, asked in enumerate(together) for key in asked.keys]
        try:
            async with asyncio.timeout(self.CALL_SECONDS), self._redis.pipeline(transaction=False) as pipeline:
                for _, name, seconds in keys:
                    pipeline.set(name, "1", nx=True, ex=seconds)
                answers = await pipeline.execute()
            there = {number for (number, *_), fresh in zip(keys, answers, strict=True) if not fresh}
        except _REDIS_TROUBLE as error:
            self._failed(error)
            return [False] * len(together)
        self._measures.guard_hits["seen"] += len(there)
        self._measures.guard_hits["fresh"] += len(together) - len(there)
        return [number in there for number in range(len(together))]

    def _failed(self, error: Exception) -> None:
        _log.warning("redis_guards_rest", reason=type(error).__name__, seconds=self.REST_SECONDS)
        self._measures.guard_errors += 1
        self._resting_until = self._clock.monotonic() + self.REST_SECONDS
