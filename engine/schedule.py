"""Schedule: whose run starts next. Fair between organisations, then between Connections; rates make a firing wait."""

import heapq
from collections import deque
from math import inf

from engine.ports import Clock

ORGANISATION_SLOTS = 256
CONNECTION_SLOTS = 64


class Waiting:
    """A queued run by reference: the store keeps the rest."""

    __slots__ = ("connection_id", "organisation_id", "run_id")

    def __init__(self, run_id: str, organisation_id: str, connection_id: str) -> None:
        self.run_id = run_id
        self.organisation_id = organisation_id
        self.connection_id = connection_id


class _Organisation:
    __slots__ = ("connections", "running", "turn")

    def __init__(self) -> None:
        self.running = 0
        self.turn: deque[str] = deque()
        self.connections: dict[str, deque[Waiting]] = {}


class Schedule:
    """Slots and queues. One organisation's slots are its own, so that its slow runs cost no other organisation one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._organisations: dict[str, _Organisation] = {}
        self._running: dict[str, int] = {}
        self._last_start: dict[str, float] = {}
        self._later: list[tuple[float, int, Waiting]] = []
        self._count = 0

    def admit(self, organisation_id: str, connection_id: str) -> bool:
        """Take a slot for a new run of this Connection if one is free and nothing waits before it."""
        organisation = self._organisations.setdefault(organisation_id, _Organisation())
        if (
            organisation.running >= ORGANISATION_SLOTS
            or self._running.get(connection_id, 0) >= CONNECTION_SLOTS
            or connection_id in organisation.connections
        ):
            return False
        self._take(organisation, connection_id)
        return True

    def pace(self, connection_id: str, max_rate: tuple[int, float] | None) -> float:
        """When (seconds since 1970) the next firing of this Connection may start; 0: at once. None is dropped."""
        if max_rate is None:
            return 0.0
        steady = self._clock.monotonic()
        count, period = max_rate
        free = max(self._last_start.get(connection_id, -inf) + period / count, steady)
        self._last_start[connection_id] = free
        return self._clock.now() + (free - steady) if free > steady else 0.0

    def unpace(self, connection_id: str, max_rate: tuple[int, float]) -> None:
        """A firing that `pace` counted came to nothing (a repeat): the next one need not wait for it."""
        count, period = max_rate
        if connection_id in self._last_start:
            self._last_start[connection_id] -= period / count

    def put(self, waiting: Waiting, not_before: float = 0.0) -> None:
        """Queue a run; with `not_before` it joins the queue only then, and later firings keep their pace after it."""
        wait = not_before - self._clock.now()
        if wait > 0:
            self._count += 1
            start = self._clock.monotonic() + wait
            self._last_start[waiting.connection_id] = max(self._last_start.get(waiting.connection_id, -inf), start)
            heapq.heappush(self._later, (start, self._count, waiting))
            return
        organisation = self._organisations.setdefault(waiting.organisation_id, _Organisation())
        queue = organisation.connections.get(waiting.connection_id)
        if queue is None:
            queue = organisation.connections[waiting.connection_id] = deque()
            organisation.turn.append(waiting.connection_id)
        queue.append(waiting)

    def release(self, organisation_id: str, connection_id: str) -> None:
        """Give a slot back."""
        organisation = self._organisations[organisation_id]
        organisation.running -= 1
        left = self._running[connection_id] - 1
        if left:
            self._running[connection_id] = left
        else:
            del self._running[connection_id]
        if not organisation.running and not organisation.connections:
            del self._organisations[organisation_id]

    def take(self) -> list[Waiting]:
        """Every run that may start now, its slot taken: a turn for each organisation, inside it for each Connection."""
        self._wake()
        started: list[Waiting] = []
        for organisation in list(self._organisations.values()):
            started.extend(self._from(organisation))
        return started

    def take_from(self, organisation_id: str) -> list[Waiting]:
        """As `take`, for one organisation: a slot of its own has come free."""
        organisation = self._organisations.get(organisation_id)
        return self._from(organisation) if organisation is not None and organisation.connections else []

    def next_wake(self) -> float | None:
        """When (seconds since 1970) the next paced run may join the queue."""
        return self._clock.now() + (self._later[0][0] - self._clock.monotonic()) if self._later else None

    @property
    def waiting(self) -> int:
        """How many runs wait."""
        queued = sum(len(queue) for each in self._organisations.values() for queue in each.connections.values())
        return queued + len(self._later)

    def _wake(self) -> None:
        steady = self._clock.monotonic()
        while self._later and self._later[0][0] <= steady:
            self.put(heapq.heappop(self._later)[2])

    def _from(self, organisation: _Organisation) -> list[Waiting]:
        started: list[Waiting] = []
        for _ in range(len(organisation.turn)):
            if organisation.running >= ORGANISATION_SLOTS:
                break
            connection_id = organisation.turn.popleft()
            queue = organisation.connections[connection_id]
            while (
                queue
                and organisation.running < ORGANISATION_SLOTS
                and self._running.get(connection_id, 0) < CONNECTION_SLOTS
            ):
                started.append(queue.popleft())
                self._take(organisation, connection_id)
                if organisation.turn:
                    break
            if queue:
                organisation.turn.append(connection_id)
            else:
                del organisation.connections[connection_id]
        return started

    def _take(self, organisation: _Organisation, connection_id: str) -> None:
        organisation.running += 1
        self._running[connection_id] = self._running.get(connection_id, 0) + 1
