"""Chronicle: what services used over time, and how healthy they were; kept over restarts of the daemon."""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec
import structlog

from catalog.errors import FabricError
from runtime.clock import Clock
from runtime.daemon.health import Monitor, Probe
from runtime.state import StateStore

SAMPLES = "samples"
HEALTH = "health"
WRITE_SECONDS = 300.0
"""How much of what is new a kill may cost."""

PROBES_KEPT = 200
"""Of one service, over a restart; while the daemon runs there are more."""

CHUNK_NS = 3600 * 10**9
_log = structlog.get_logger()


class Sample(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """All services together at one time: bytes, cores, services that run, requests answered since start."""

    time_ns: int
    memory: int
    cpu: float
    running: int
    requests: int


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of one hour, as the state keeps them."""

    hour: int
    samples: list[Sample]


class Healths(msgspec.Struct, frozen=True, kw_only=True):
    """The last probes of one service, oldest first, as the state keeps them."""

    service_id: str
    probes: list[Probe]


class Chronicle:
    """Takes a sample each `interval` seconds and keeps it for `retention`; both may be changed at any time.

    `load` before `run`, `close` at the end.
    """

    def __init__(
        self,
        state: StateStore,
        clock: Clock,
        monitor: Monitor,
        take: Callable[[], Sample],
        *,
        interval: float,
        retention: float,
    ) -> None:
        self.interval = interval
        self.retention = retention
        self._state = state
        self._clock = clock
        self._monitor = monitor
        self._take = take
        self._samples: deque[Sample] = deque()
        self._written_ns = 0
        self._chunks: set[int] = set()
        self._probes_seen: dict[str, int] = {}

    def load(self, exists: Callable[[str], bool]) -> None:
        """Take up what the last start left of services that there are still."""
        for document in self._state.load(SAMPLES):
            chunk = msgspec.json.decode(document, type=Chunk)
            self._chunks.add(chunk.hour)
            self._samples.extend(chunk.samples)
        self._samples = deque(sorted(self._samples, key=lambda each: each.time_ns))
        self._written_ns = self._samples[-1].time_ns if self._samples else 0
        self._prune()
        for document in self._state.load(HEALTH):
            kept = msgspec.json.decode(document, type=Healths)
            self._probes_seen[kept.service_id] = kept.probes[-1].time_ns if kept.probes else 0
            if exists(kept.service_id):
                self._monitor.take_up(kept.service_id, kept.probes)

    async def run(self) -> None:
        """Take samples for ever, and write them down now and then. To be run as a task."""
        due = self._clock.monotonic() + WRITE_SECONDS
        while True:
            await asyncio.sleep(self.interval)
            self._samples.append(self._take())
            self._prune()
            if self._clock.monotonic() >= due:
                due = self._clock.monotonic() + WRITE_SECONDS
                await self.write()

    async def close(self) -> None:
        """Write down what is new."""
        await self.write()

    def history(
        self, *, since_ns: int | None = None, until_ns: int | None = None, limit: int = 100
    ) -> tuple[list[Sample], int]:
        """Samples after `since_ns` up to `until_ns`, newest first, at most `limit`; and how many there are in all."""
        self._prune()
        found = [
            each
            for each in reversed(self._samples)
            if (since_ns is None or each.time_ns > since_ns) and (until_ns is None or each.time_ns <= until_ns)
        ]
        return found[:limit], len(found)

    async def write(self) -> None:
        """Bring what is new to the state; where that fails it is tried again the next time."""
        newest = self._samples[-1].time_ns if self._samples else self._written_ns
        healths = self._new_healths()
        documents = [(SAMPLES, str(chunk.hour), msgspec.json.encode(chunk)) for chunk in self._new_chunks()]
        documents += [(HEALTH, each.service_id, msgspec.json.encode(each)) for each in healths]
        oldest = (self._clock.now_ns() - round(self.retention * 1e9)) // CHUNK_NS
        gone = [hour for hour in self._chunks if hour < oldest]
        forgotten = [each for each in self._probes_seen if not self._monitor.kept(each)]
        removed = [(SAMPLES, str(hour)) for hour in gone] + [(HEALTH, each) for each in forgotten]
        if not documents and not removed:
            return
        try:
            await self._state.put_many(documents, gone=removed)
        except FabricError as error:
            _log.warning("chronicle_unwritten", code=error.code, why=error.message)
            return
        self._written_ns = newest
        self._chunks = {hour for hour in self._chunks if hour >= oldest}
        for service_id in forgotten:
            del self._probes_seen[service_id]
        for each in healths:
            self._probes_seen[each.service_id] = each.probes[-1].time_ns

    def _new_chunks(self) -> list[Chunk]:
        hours = {each.time_ns // CHUNK_NS for each in self._samples if each.time_ns > self._written_ns}
        self._chunks |= hours
        return [
            Chunk(hour=hour, samples=[each for each in self._samples if each.time_ns // CHUNK_NS == hour])
            for hour in sorted(hours)
        ]

    def _new_healths(self) -> list[Healths]:
        found = []
        for service_id in self._monitor.known():
            probes = self._monitor.kept(service_id)[-PROBES_KEPT:]
            if probes and probes[-1].time_ns > self._probes_seen.get(service_id, 0):
                found.append(Healths(service_id=service_id, probes=probes))
        return found

    def _prune(self) -> None:
        oldest = self._clock.now_ns() - round(self.retention * 1e9)
        while self._samples and self._samples[0].time_ns < oldest:
            self._samples.popleft()
