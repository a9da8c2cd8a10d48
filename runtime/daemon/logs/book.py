"""LogBook: a log for each service. ServiceLog: a bounded ring of what its instances print."""

from collections import deque
from collections.abc import Iterator

from runtime.clock import Clock
from runtime.daemon.logs.entry import Block, LogEntry, Picked
from runtime.daemon.logs.follow import LogFollow
from runtime.daemon.logs.lines import Lines

LINES = 10_000
BYTES = 4 * 1024 * 1024
"""Bytes of one service's log, with what keeping it costs. What is over either bound goes, the oldest first."""


class ServiceLog:
    """All instances of a service write here; every call is cheap, and none waits."""

    def __init__(self, clock: Clock, lines: int = LINES, bytes_most: int = BYTES) -> None:
        self._clock = clock
        self._lines_most = lines
        self._bytes_most = bytes_most
        self._blocks: deque[Block] = deque()
        self._count = 0
        self._cost = 0
        self._begun: dict[tuple[str, str], Lines] = {}
        self._follows: list[LogFollow] = []
        self._truncated = 0
        self.fed = 0
        """Lines that have come so far."""

    @property
    def dropped(self) -> int:
        """Lines that have come and are no longer kept."""
        return self.fed - min(self._count, self._lines_most)

    @property
    def truncated(self) -> int:
        """Lines that were cut because they were too long."""
        return self._truncated + sum(each.truncated for each in self._begun.values())

    @property
    def cost(self) -> int:
        """Bytes of memory that the kept lines take, about."""
        return self._cost

    def feed(self, instance: str, stream: str, piece: bytes) -> None:
        """Take a piece of output, cut anywhere. Its lines bear the time at which their end arrives."""
        lines = self._begun.get((instance, stream))
        if lines is None:
            lines = self._begun[instance, stream] = Lines()
        for text in lines.put(piece):
            self._add(Block(self._clock.now_ns(), stream, instance, text))

    def ended(self, instance: str) -> None:
        """The instance is gone: a line it has begun is a line."""
        for stream in ("stdout", "stderr"):
            lines = self._begun.pop((instance, stream), None)
            if lines is not None:
                for text in lines.flush():
                    self._add(Block(self._clock.now_ns(), stream, instance, text))
                self._truncated += lines.truncated

    def note(self, message: str) -> None:
        """Write the daemon's own words, on `stderr` and of no instance."""
        text = message.encode("utf-8", "replace").rstrip(b"\n") + b"\n"
        for whole in Lines().put(text):
            self._add(Block(self._clock.now_ns(), "stderr", "", whole))

    def entries(
        self,
        tail: int = 0,
        since_ns: int | None = None,
        until_ns: int | None = None,
        stream: str | None = None,
        instance: str | None = None,
    ) -> list[LogEntry]:
        """The last `tail` lines (0: all) of those that the other parameters pick, oldest first."""
        picked = Picked(since_ns=since_ns, until_ns=until_ns, stream=stream, instance=instance)
        return [entry for block, skip in self._picked(picked, tail) for entry in block.entries(skip)]

    def follow(
        self,
        tail: int = 0,
        since_ns: int | None = None,
        until_ns: int | None = None,
        stream: str | None = None,
        instance: str | None = None,
    ) -> LogFollow:
        """The same lines, then those that come. To be closed by its reader."""
        picked = Picked(since_ns=since_ns, until_ns=until_ns, stream=stream, instance=instance)
        follow = LogFollow(picked, self._picked(picked, tail), self._follows.remove)
        self._follows.append(follow)
        return follow

    def close(self) -> None:
        """Nothing more will come: who follows comes to an end."""
        follows, self._follows = self._follows, []
        for each in follows:
            each.end()

    def _add(self, block: Block) -> None:
        self._blocks.append(block)
        self.fed += block.count
        self._count += block.count
        self._cost += block.cost
        blocks = self._blocks
        while self._count - blocks[0].count >= self._lines_most or (self._cost > self._bytes_most and len(blocks) > 1):
            oldest = blocks.popleft()
            self._count -= oldest.count
            self._cost -= oldest.cost
        for each in self._follows:
            each.offer(block)

    def _picked(self, picked: Picked, tail: int) -> Iterator[tuple[Block, int]]:
        """Blocks, oldest first, each with the count of its first lines to leave out."""
        over, left = max(0, self._count - self._lines_most), tail or self._count
        found: list[tuple[Block, int]] = []
        for block in reversed(self._blocks):
            if left <= 0:
                break
            skip = over if block is self._blocks[0] else 0
            if picked.takes(block):
                found.append((block, max(skip, block.count - left)))
                left -= block.count - skip
        return reversed(found)


class LogBook:
    """The logs of all services, by id."""

    def __init__(self, clock: Clock, lines: int = LINES, bytes_most: int = BYTES) -> None:
        self._clock = clock
        self._lines = lines
        self._bytes_most = bytes_most
        self._logs: dict[str, ServiceLog] = {}

    def of(self, service_id: str) -> ServiceLog:
        """A service's log; an empty one where there was none."""
        log = self._logs.get(service_id)
        if log is None:
            log = self._logs[service_id] = ServiceLog(self._clock, self._lines, self._bytes_most)
        return log

    def forget(self, service_id: str) -> None:
        """The service is gone, and its log with it; who follows it comes to an end."""
        log = self._logs.pop(service_id, None)
        if log is not None:
            log.close()

    def dropped(self) -> int:
        """Lines of all present services that have come and are no longer kept."""
        return sum(each.dropped for each in self._logs.values())
