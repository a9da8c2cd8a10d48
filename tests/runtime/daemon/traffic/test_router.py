"""The router with replicas that answer when a test says so."""

from pathlib import Path

import pytest

from catalog.errors import FabricError
from runtime.daemon.traffic.router import PIPELINE, QUEUE_MOST, WAIT_MOST, Route, Router
from runtime.wasm.launch import Abi, Exit, Launch
from runtime.wasm.messages import encode_request
from tests.fakes.daemon_clock import DaemonClock
from tests.fakes.daemon_timers import FakeTimers
from tests.fakes.replicas import FakeReplica

REQUEST = encode_request(b"GET", b"/", [(b"host", b"x")], b"")


class Room:
    """A route, its replicas, and what was answered."""

    def __init__(self) -> None:
        self.clock = DaemonClock()
        self.timers = FakeTimers(self.clock)
        self.router = Router(self.clock, self.timers)
        self.route: Route = self.router.open("api-1")
        self.answers: list[bytes | Exception] = []

    def replica(self) -> FakeReplica:
        """One more that takes requests."""
        launch = Launch(service="api-1", instance="", abi=Abi.REACTOR, compiled=Path("/"))
        made = FakeReplica(launch, 1, lambda *_: None)
        self.route.join(made)
        return made

    def ask(self, count: int = 1) -> None:
        """So many requests."""
        for _ in range(count):
            self.router.forward("api-1", REQUEST, self.answers.append)

    def codes(self) -> list[str]:
        """What went wrong."""
        return [each.code for each in self.answers if isinstance(each, FabricError)]


@pytest.fixture
async def room() -> Room:
    made = Room()
    made.route.accept()
    return made


async def test_the_replica_with_the_fewest_requests_gets_the_next(room: Room) -> None:
    first, second, third = room.replica(), room.replica(), room.replica()
    room.ask(7)
    assert [len(each.asked) for each in (first, second, third)] == [3, 2, 2]
    second.answer()
    second.answer()
    room.ask(2)
    assert [len(each.asked) for each in (first, second, third)] == [3, 2, 2]
    assert room.route.in_flight == 7


async def test_what_is_over_the_pipeline_waits_and_follows_in_order(room: Room) -> None:
    replica = room.replica()
    for number in range(PIPELINE + 3):
        room.router.forward("api-1", encode_request(b"GET", b"/%d" % number, [], b""), room.answers.append)
    assert (len(replica.asked), len(room.route.waiting)) == (PIPELINE, 3)
    late = room.replica()
    assert (len(late.asked), len(room.route.waiting)) == (3, 0)
    assert [b"/8" in late.asked[0][0], b"/9" in late.asked[1][0], b"/10" in late.asked[2][0]] == [True] * 3


async def test_a_queue_is_bounded_in_length_and_in_bytes(room: Room) -> None:
    room.ask(QUEUE_MOST + 2)
    assert room.codes() == ["SERVICE_BUSY"] * 2
    other = room.router.open("other")
    other.accept()
    large = encode_request(b"POST", b"/", [], bytes(9 << 20))
    for _ in range(2):
        room.router.forward("other", large, room.answers.append)
    assert room.codes() == ["SERVICE_BUSY"] * 3


async def test_a_request_waits_only_so_long_for_a_replica(room: Room) -> None:
    room.ask()
    await room.timers.pass_by(WAIT_MOST / 2)
    room.ask()
    assert room.timers.waiting == 1
    await room.timers.pass_by(WAIT_MOST / 2)
    assert room.codes() == ["SERVICE_NOT_READY"]
    await room.timers.pass_by(WAIT_MOST / 2)
    assert room.codes() == ["SERVICE_NOT_READY"] * 2
    await room.timers.pass_by(1)
    assert room.timers.waiting == 0
    assert room.route.meter.sums().by_class[5] == 2


async def test_requests_that_were_not_begun_go_to_another_replica_and_the_one_that_was_is_told(room: Room) -> None:
    first, second = room.replica(), room.replica()
    room.ask(6)
    room.route.leave(first)
    first.end(Exit(code=-9))
    assert room.codes() == ["GUEST_GONE"]
    assert len(second.asked) == 5
    while second.asked:
        second.answer()
    assert sum(isinstance(each, bytes) for each in room.answers) == 5
    assert room.route.meter.sums().requests == 6


async def test_a_replica_that_is_gone_and_still_has_its_seat_loses_it_and_nobody_is_harmed(room: Room) -> None:
    gone = room.replica()
    gone.end(Exit(code=1))
    room.ask(3)
    assert room.codes() == []
    assert room.route.seats == []
    well = room.replica()
    assert len(well.asked) == 3


async def test_a_request_that_finds_only_replicas_that_are_going_is_told_in_the_end(room: Room) -> None:
    for _ in range(10):
        room.replica().end(Exit(code=1))
    room.ask(2)
    assert room.codes() == ["GUEST_NOT_BEGUN"] * 2
    assert room.route.in_flight == 0


async def test_a_service_that_stops_refuses_what_waits_and_what_comes(room: Room) -> None:
    room.ask(3)
    room.route.refuse()
    room.ask()
    assert room.codes() == ["SERVICE_NOT_RUNNING"] * 4
    room.router.forget("api-1")
    room.ask()
    assert room.codes() == ["SERVICE_NOT_RUNNING"] * 5


async def test_what_went_through_is_counted(room: Room) -> None:
    replica = room.replica()
    for status in (200, 204, 301, 404, 500):
        room.ask()
        await room.timers.pass_by(0.02)
        replica.answer(status)
    sums = room.route.meter.sums()
    assert sums.by_class == [0, 0, 2, 1, 1, 1]
    assert sums.received == 5 * len(REQUEST)
    assert sums.sent == sum(len(each) for each in room.answers if isinstance(each, bytes))
    assert sums.seconds == pytest.approx(0.1)
    assert sum(sums.latency) == 5


async def test_the_rate_is_that_of_the_last_ten_seconds(room: Room) -> None:
    replica = room.replica()
    for _ in range(30):
        room.ask(2)
        replica.answer()
        replica.answer()
        await room.timers.pass_by(1)
    assert room.route.meter.rate() == pytest.approx(2.0)
    await room.timers.pass_by(5)
    assert room.route.meter.rate() == pytest.approx(1.0)
    await room.timers.pass_by(60)
    assert room.route.meter.rate() == 0
