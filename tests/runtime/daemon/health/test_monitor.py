"""Health: what turns a replica, what is kept of it, and what a busy worker is not blamed for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.daemon.events import EventBus
from runtime.daemon.health import Defaults, Monitor
from runtime.daemon.services.records import Health
from runtime.forms.workload import HealthCheck
from runtime.wasm.launch import Abi, Exit, Launch
from runtime.wasm.messages import decode_request
from tests.fakes.daemon_clock import DaemonClock
from tests.fakes.daemon_timers import FakeTimers, settle
from tests.fakes.replicas import FakeLauncher, FakeReplica

HTTP = HealthCheck(type="http", path="/health?full=1", interval=10.0, timeout=2.0, retries=3)
TEMPLATE = Launch(service="api-1", instance="", abi=Abi.CGI, compiled=Path("/nowhere"), argv=("api", "--serve"))


class Room:
    """A monitor, one replica, and what was told."""

    def __init__(self) -> None:
        self.clock = DaemonClock()
        self.timers = FakeTimers(self.clock)
        self.events = EventBus(self.clock)
        self.launcher = FakeLauncher()
        self.monitor = Monitor(
            self.events,
            self.launcher,
            self.clock,
            self.timers,
            Defaults(),
            name_of=lambda _: "api",
            template_of=lambda _: TEMPLATE,
        )
        self.replica = FakeReplica(TEMPLATE, 1, lambda *_: None)
        self.told: list[Health] = []

    def watch(self, check: HealthCheck = HTTP) -> None:
        """Begin to watch the replica."""
        self.watching = self.monitor.watch("api-1", "api-1-0", self.replica, check, self.told.append)

    async def answered(self, status: int, *, after: float = 0.0) -> None:
        """The replica answers what it is asked, and the next question's time comes."""
        await self.timers.pass_by(after)
        self.replica.answer(status)
        await settle()


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    yield Room()


async def test_a_replica_is_asked_as_its_service_wants_and_one_success_makes_it_healthy(room: Room) -> None:
    room.watch()
    await room.timers.pass_by(0)
    request = decode_request(room.replica.asked[0][0])
    assert (request.method, request.path) == (b"GET", b"/health?full=1")
    assert (b"x-fabric-probe", b"1") in request.headers
    await room.answered(200, after=0.015)
    assert room.told == ["healthy"]
    [probe] = room.monitor.history("api-1")
    assert (probe.status, probe.instance, probe.detail) == ("healthy", "api-1-0", None)
    assert probe.response_time == pytest.approx(0.015)
    assert room.monitor.facts("api-1", "api-1-0").last_check_ns == room.clock.now_ns()
    events, _ = room.events.history()
    assert [dict(each.data) for each in events] == [
        {"name": "api", "instance": "api-1-0", "health": "healthy", "previous": "starting"}
    ]


async def test_it_turns_unhealthy_after_so_many_failures_in_a_row_and_tells_only_changes(room: Room) -> None:
    room.watch()
    await room.answered(200)
    for status in (500, 500, 200, 500, 500):
        await room.answered(status, after=10)
    assert room.told == ["healthy"]
    assert room.monitor.facts("api-1", "api-1-0").consecutive_failures == 2
    await room.answered(404, after=10)
    assert room.told == ["healthy", "unhealthy"]
    assert room.monitor.history("api-1", limit=1)[0].detail == "it answered 404, expected was 200"
    await room.answered(200, after=10)
    assert room.told == ["healthy", "unhealthy", "healthy"]
    assert room.monitor.checks == {("api", "success"): 3, ("api", "failure"): 5}


async def test_a_replica_that_starts_is_asked_often_and_forgiven_for_a_while(room: Room) -> None:
    room.watch()
    asked = 0
    while room.clock.steady < 1_029:
        if room.replica.asked:
            room.replica.answer(503)
            asked += 1
        await room.timers.pass_by(0.05)
    assert asked > 8
    assert room.told == []
    while room.clock.steady < 1_045:
        if room.replica.asked:
            room.replica.answer(503)
        await room.timers.pass_by(0.05)
    assert room.told == ["unhealthy"]


async def test_a_replica_that_does_not_answer_in_time_fails(room: Room) -> None:
    room.watch()
    await room.answered(200)
    await room.timers.pass_by(10 + 2)
    assert room.monitor.history("api-1", limit=1)[0].detail == "it did not answer within 2 seconds"
    await room.timers.pass_by(20)
    assert room.told == ["healthy", "unhealthy"]


async def test_a_worker_that_is_busy_with_others_requests_is_waited_for(room: Room) -> None:
    room.watch()
    await room.answered(200)
    room.replica.submit(b"a long one", lambda _: None)
    await room.timers.pass_by(10 + 25)
    assert room.told == ["healthy"]
    assert room.monitor.facts("api-1", "api-1-0").consecutive_failures == 0
    assert len(room.replica.asked) == 2  # questions do not pile up behind it
    room.replica.answer()
    await room.answered(200)
    assert room.told == ["healthy"]
    assert room.monitor.history("api-1", limit=1)[0].status == "healthy"


async def test_a_command_is_run_in_an_instance_of_its_own(room: Room) -> None:
    room.watch(HealthCheck(type="exec", command=("selftest", "--quick"), interval=10, timeout=2, retries=2))
    await room.timers.pass_by(0)
    [first] = room.launcher.made
    assert (first.launch.argv, first.launch.abi) == (("api", "selftest", "--quick"), Abi.COMMAND)
    first.end(Exit(code=0))
    await settle()
    assert room.told == ["healthy"]
    await room.timers.pass_by(10)
    room.launcher.made[1].output("stderr", b"disk is full\n")
    room.launcher.made[1].end(Exit(code=3))
    await settle()
    assert room.monitor.history("api-1", limit=1)[0].detail == "it ended with code 3: disk is full"
    await room.timers.pass_by(10)
    assert room.launcher.made[2].alive
    await room.timers.pass_by(3)
    assert not room.launcher.made[2].alive
    assert room.told == ["healthy", "unhealthy"]


async def test_a_tcp_check_of_an_http_service_passes_as_long_as_its_worker_lives(room: Room) -> None:
    room.watch(HealthCheck(type="tcp"))
    await room.timers.pass_by(0)
    assert room.told == ["healthy"]


async def test_an_ended_watch_asks_nothing_and_leaves_nothing(room: Room) -> None:
    room.watch()
    await room.timers.pass_by(0)
    room.watching.stop()
    room.replica.answer(500)
    await room.timers.pass_by(100)
    assert (room.told, room.replica.asked, room.timers.waiting) == ([], [], 0)
    assert room.monitor.history("api-1") == []


async def test_a_check_now_asks_all_and_waits_for_their_answers(room: Room) -> None:
    room.watch()
    await room.answered(200)
    checking = asyncio.create_task(room.monitor.check("api-1"))
    await settle()
    assert not checking.done()
    await room.answered(503, after=1)
    await checking
    assert room.monitor.facts("api-1", "api-1-0").consecutive_failures == 1
    ended = asyncio.create_task(room.monitor.check("api-1"))
    await settle()
    room.watching.stop()
    await ended
    await room.monitor.check("nobody")


async def test_history_is_bounded_and_cut_by_time(room: Room) -> None:
    room.watch(HealthCheck(type="http", interval=1.0))
    times = []
    await room.timers.pass_by(0)
    for _ in range(1_100):
        room.replica.answer()
        times.append(room.clock.now_ns())
        await room.timers.pass_by(1)
    assert len(room.monitor.history("api-1", limit=5_000)) == 1_000
    cut = room.monitor.history("api-1", since_ns=times[-5], until_ns=times[-3])
    assert [each.time_ns for each in cut] == [times[-3], times[-4], times[-5]]
    assert len(room.monitor.history("api-1", limit=2)) == 2


async def test_the_daemons_defaults_hold_where_the_service_says_nothing_and_may_change(room: Room) -> None:
    room.watch(HealthCheck(type="http"))
    await room.answered(200)
    await room.timers.pass_by(4.9)
    assert room.replica.asked == []
    await room.timers.pass_by(0.2)
    room.monitor.defaults = Defaults(interval=60.0)
    await room.answered(200)
    await room.timers.pass_by(55)
    assert room.replica.asked == []
