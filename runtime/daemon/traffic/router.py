"""Router: carries requests to a service's replicas. No task and no future a request: one small object.

A request goes to the ready replica with the fewest under way, at most PIPELINE on each; what is over that waits in the
service's queue, whose length, bytes and time are bounded. A request that a replica has not begun when it ends goes to
another one.
"""

import asyncio
from collections import deque

from catalog.errors import FabricError, Unavailable
from runtime.clock import Clock
from runtime.daemon.timers import Alarm, Timers
from runtime.daemon.traffic.meter import Meter
from runtime.wasm.launch import Done, Replica

PIPELINE = 8
CONNECTIONS = 32
"""Connections that one replica of a tcp service has at a time."""
QUEUE_MOST = 512
QUEUE_BYTES = 16 * 1024 * 1024
WAIT_MOST = 10.0
"""Seconds that a request waits for a replica."""
TRIES_MOST = 4
NOT_BEGUN = "GUEST_NOT_BEGUN"


class Seat:
    """A replica that takes requests, or connections.

    `calls` are the requests it has, which it answers in this order.
    """

    __slots__ = ("calls", "connections", "replica")

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.calls: deque[Call] = deque()
        self.connections: set[object] = set()


class Call:
    """One request under way; what a replica calls when it is answered."""

    __slots__ = ("began", "done", "hops", "request", "route", "seat", "tries")

    def __init__(self, route: "Route", request: bytes, done: Done, began: float, hops: int, seat: Seat | None) -> None:
        self.route = route
        self.request = request
        self.done = done
        self.began = began
        self.hops = hops
        self.seat = seat
        self.tries = 0

    def __call__(self, answer: bytes | Exception) -> None:
        route, seat = self.route, self.seat
        if seat is not None:
            self.seat = None
            calls = seat.calls
            if calls[0] is self:
                calls.popleft()
            else:
                calls.remove(self)
        if isinstance(answer, bytes):
            route.meter.count(self.began, len(self.request), len(answer), int.from_bytes(answer[1:3], "little"))
        elif isinstance(answer, FabricError):
            if answer.code == NOT_BEGUN and seat is not None:
                # It is ending, and nobody else need find that out.
                route.leave(seat.replica)
                if self.tries < TRIES_MOST and route.accepting:
                    route.again(self)
                    return
            route.meter.count(self.began, len(self.request), 0, answer.status)
        self.done(answer)
        if route.waiting and not route.draining:
            route.drain()


class Route:
    """The way to one service."""

    def __init__(self, service_id: str, clock: Clock, timers: Timers) -> None:
        self.service_id = service_id
        self.accepting = False
        self.draining = False
        self.meter = Meter(clock.monotonic)
        self.waiting: deque[Call] = deque()
        self.seats: list[Seat] = []
        self._monotonic = clock.monotonic
        self._timers = timers
        self._alarm: Alarm | None = None
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        """There may be room for a connection that waits."""

    @property
    def in_flight(self) -> int:
        """Requests and connections that replicas have and are not done with."""
        return sum(len(seat.calls) + len(seat.connections) for seat in self.seats)

    def under_way(self) -> float:
        """Seconds that all requests together have been under way, those that still are included."""
        now = self._monotonic()
        calls = [call for seat in self.seats for call in seat.calls]
        return self.meter.sums().seconds + sum(now - call.began for call in (*calls, *self.waiting))

    def accept(self) -> None:
        """Requests are welcome, and wait where no replica is ready yet."""
        self.accepting = True

    def refuse(self) -> None:
        """The service stops: what waits is refused, and what comes."""
        self.accepting = False
        self._room.set()
        while self.waiting:
            self._take_first()(_not_running(self.service_id))

    def join(self, replica: Replica) -> None:
        """A replica is ready to answer."""
        if all(seat.replica is not replica for seat in self.seats):
            self.seats.append(Seat(replica))
            self._room.set()
            self.drain()

    def leave(self, replica: Replica) -> None:
        """A replica gets no more requests; those it has it may answer."""
        self.seats = [seat for seat in self.seats if seat.replica is not replica]

    def hops_of(self, replica: Replica | None) -> int:
        """Through how many services the request has come that this replica is at."""
        for seat in self.seats:
            if seat.replica is replica and seat.calls:
                return seat.calls[0].hops
        return 0

    def forward(self, request: bytes, done: Done, hops: int = 0) -> None:
        """See Router."""
        seat = None if self.waiting else self.free_seat()
        call = Call(self, request, done, self._monotonic(), hops, seat)
        if seat is not None:
            seat.calls.append(call)
            seat.replica.submit(request, call)
        elif not self.accepting:
            call(_not_running(self.service_id))
        elif len(self.waiting) >= QUEUE_MOST or self._waiting_bytes + len(request) > QUEUE_BYTES:
            call(_busy(self.service_id))
        else:
            self.waiting.append(call)
            self._waiting_bytes += len(request)
            self._watch()

    async def take_seat(self, connection: object) -> Seat:
        """A replica for a connection, which is given back once. Raises Unavailable SERVICE_NOT_RUNNING, _NOT_READY."""
        try:
            async with asyncio.timeout(WAIT_MOST):
                while self.accepting:
                    seat = min(self.seats, key=lambda each: len(each.connections), default=None)
                    if seat is not None and len(seat.connections) < CONNECTIONS:
                        seat.connections.add(connection)
                        return seat
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            raise _not_ready(self.service_id) from None
        raise _not_running(self.service_id)

    def give_back(self, seat: Seat, connection: object) -> None:
        """A connection has ended."""
        seat.connections.discard(connection)
        self._room.set()

    def again(self, call: Call) -> None:
        """A replica went before it began the request: it is first in the queue now."""
        call.tries += 1
        self.waiting.appendleft(call)
        self._waiting_bytes += len(call.request)
        if not self.draining:
            self.drain()
        self._watch()

    def free_seat(self) -> Seat | None:
        """The replica with the fewest requests under way, if it may have one more."""
        best = None
        fewest = PIPELINE
        for seat in self.seats:
            pending = len(seat.calls)
            if pending < fewest:
                best, fewest = seat, pending
        return best

    def drain(self) -> None:
        """Hand over what waits, as far as there is room."""
        # A replica that is gone answers at once: without the mark every such answer would come back here, deeper.
        self.draining = True
        while self.waiting and (seat := self.free_seat()) is not None:
            call = self._take_first()
            call.seat = seat
            seat.calls.append(call)
            seat.replica.submit(call.request, call)
        self.draining = False

    def _take_first(self) -> Call:
        call = self.waiting.popleft()
        self._waiting_bytes -= len(call.request)
        return call

    def _watch(self) -> None:
        if self._alarm is None and self.waiting:
            self._alarm = self._timers.at(self.waiting[0].began + WAIT_MOST, self._expire)

    def _expire(self) -> None:
        self._alarm = None
        now = self._monotonic()
        while self.waiting and self.waiting[0].began + WAIT_MOST <= now:
            self._take_first()(_not_ready(self.service_id))
        self._watch()


class Router:
    """Every service's route."""

    def __init__(self, clock: Clock, timers: Timers) -> None:
        self._clock = clock
        self._timers = timers
        self._routes: dict[str, Route] = {}

    def open(self, service_id: str) -> Route:
        """The service's route, made if there is none."""
        route = self._routes.get(service_id)
        if route is None:
            route = self._routes[service_id] = Route(service_id, self._clock, self._timers)
        return route

    def find(self, service_id: str) -> Route | None:
        """The service's route, None where there is no such service."""
        return self._routes.get(service_id)

    def forget(self, service_id: str) -> None:
        """The service is gone."""
        route = self._routes.pop(service_id, None)
        if route is not None:
            route.refuse()

    def forward(self, service_id: str, request: bytes, done: Done) -> None:
        """Carry a request (as `messages` encodes it) to the service; `done` is called once, perhaps at once.

        Besides what Done says it may be told Unavailable SERVICE_NOT_RUNNING, SERVICE_BUSY (too much waits) or
        SERVICE_NOT_READY (it waited too long).
        """
        route = self._routes.get(service_id)
        if route is None:
            done(_not_running(service_id))
        else:
            route.forward(request, done)


def _not_running(service_id: str) -> Unavailable:
    return Unavailable("SERVICE_NOT_RUNNING", f"Service `{service_id}` is not running.", hint="Start it.")


def _busy(service_id: str) -> Unavailable:
    hint = "Try again later, or allow it more replicas."
    return Unavailable("SERVICE_BUSY", f"Too many requests wait for service `{service_id}`.", hint=hint)


def _not_ready(service_id: str) -> Unavailable:
    hint = "Look at the service's state and logs."
    return Unavailable("SERVICE_NOT_READY", f"No replica of service `{service_id}` could take the request.", hint=hint)
