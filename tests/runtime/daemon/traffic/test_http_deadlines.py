"""Slow, silent, many and greedy clients of a port; guests answer when a test says so."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from runtime.clock import SystemClock
from runtime.daemon.spec import ServiceSpec
from runtime.daemon.timers import LoopTimers
from runtime.daemon.traffic.http_limits import HttpLimits
from runtime.daemon.traffic.http_port import HttpPort
from runtime.daemon.traffic.listening import bind
from runtime.daemon.traffic.router import Router
from runtime.wasm.launch import Abi, Launch
from tests.fakes.replicas import FakeReplica
from tests.runtime.daemon.house import exchange

SHORT = HttpLimits(
    head_seconds=0.3, body_seconds=0.4, idle_seconds=0.5, write_seconds=0.5, farewell_seconds=0.2, tick=0.02,
    connections=4, body=10_000,
)  # fmt: skip
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SPEC = ServiceSpec(name="x", image="x")


class _Everybody:
    """Implements what a port asks of Access."""

    generation = 0

    def ingress(self, target: ServiceSpec, address: str) -> None:
        """Everybody may."""


class Room:
    """A port and the replica behind it."""

    def __init__(self, limits: HttpLimits) -> None:
        clock = SystemClock()
        self.route = Router(clock, LoopTimers(clock)).open("x")
        self.route.accept()
        launch = Launch(service="x", instance="", abi=Abi.REACTOR, compiled=Path("/"))
        self.replica = FakeReplica(launch, 1, lambda *_: None)
        self.route.join(self.replica)
        self.port = HttpPort(self.route, _Everybody(), lambda: SPEC, limits)  # type: ignore[arg-type]  # all it asks
        self.number = 0

    async def open(self) -> None:
        """Listen."""
        bound = bind("127.0.0.1", 0)
        self.number = bound.getsockname()[1]
        await self.port.open(bound)

    async def asked(self, count: int = 1) -> None:
        """Wait until the replica has so many requests."""
        while len(self.replica.asked) < count:
            await asyncio.sleep(0.002)


@asynccontextmanager
async def _room(limits: HttpLimits = SHORT) -> AsyncIterator[Room]:
    made = Room(limits)
    await made.open()
    try:
        yield made
    finally:
        await made.port.close(0.1)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with _room() as made:
        yield made


async def _seconds(port: int, *pieces: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    began = time.monotonic()
    return await exchange(port, *pieces, pause=pause), time.monotonic() - began


async def test_a_head_that_trickles_in_is_given_up_at_its_deadline(room: Room) -> None:
    answer, seconds = await _seconds(room.number, *[GET[at : at + 1] for at in range(12)], pause=0.03)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert seconds < 1.5


async def test_a_body_that_does_not_come_is_given_up_at_its_deadline(room: Room) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    answer, seconds = await _seconds(room.number, head, b"abc")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 0.3 < seconds < 2
    assert room.replica.asked == []


async def test_a_silent_connection_is_closed_without_a_word(room: Room) -> None:
    answer, seconds = await _seconds(room.number)
    assert answer == b""
    assert 0.4 < seconds < 2


async def test_a_client_who_waits_for_a_slow_guest_is_not_hurried(room: Room) -> None:
    asking = asyncio.create_task(exchange(room.number, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))
    await asyncio.sleep(1.2)
    room.replica.answer(200, b"late")
    assert (await asking).endswith(b"late")


async def test_there_is_an_end_to_connections(room: Room) -> None:
    clients = [await asyncio.open_connection("127.0.0.1", room.number) for _ in range(SHORT.connections)]
    for _, writer in clients:
        writer.write(GET)
    await room.asked(4)
    with suppress(ConnectionResetError):
        assert await exchange(room.number, GET) == b""
    assert len(room.replica.asked) == 4
    assert room.port._timer is not None
    for _, writer in clients:
        room.replica.answer()
        writer.close()
    while room.port.connections:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert room.port._timer is None  # without connections nobody looks at deadlines


async def test_a_client_who_does_not_read_is_not_answered_into_memory_and_ended(room: Room) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", room.number))
        client.sendall(GET * 20)
        until = time.monotonic() + 3
        answered = 0
        while room.port.connections and time.monotonic() < until:
            if room.replica.asked:
                room.replica.answer(200, bytes(1 << 20))
                answered += 1
            await asyncio.sleep(0.01)
        assert room.port.connections == 0
        assert answered < 20


async def test_a_client_far_ahead_of_his_answers_is_not_read(room: Room) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", room.number)
    for _ in range(40):
        writer.write(GET)
        await asyncio.sleep(0.001)
    await room.asked()
    connection = next(iter(room.port._connections))
    assert len(connection._queue) <= SHORT.pipelined + 1  # type: ignore[attr-defined]  # looked at from the inside
    for _ in range(40):
        await room.asked()
        room.replica.answer(200, b"x")
        assert (await reader.readuntil(b"\r\n\r\nx")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_flood_of_requests_in_one_piece_is_cut_off(room: Room) -> None:
    asking = asyncio.create_task(exchange(room.number, GET * 2000))
    await room.asked()
    while room.port.connections:
        if room.replica.asked:
            room.replica.answer(200, b"x")
        await asyncio.sleep(0)
    answer = await asking
    assert 1 < answer.count(b"HTTP/1.1 200 ") < 1000


async def test_a_refused_body_is_not_waited_for(room: Room) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10001\r\n\r\n"
    answer, _ = await _seconds(room.number, head, bytes(5000))
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_an_answer_to_http_1_0_ends_the_connection(room: Room) -> None:
    request = b"GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    asking = asyncio.create_task(exchange(room.number, request))
    await room.asked()
    room.replica.answer(200, b"x")
    answer = await asking
    assert b"connection: close" in answer


async def test_a_port_that_drains_answers_what_is_under_way_and_takes_nobody_new(room: Room) -> None:
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", room.number)
    reader, writer = await asyncio.open_connection("127.0.0.1", room.number)
    writer.write(GET)
    await room.asked()
    closing = asyncio.create_task(room.port.close(5.0))
    assert await idle_reader.read(-1) == b""
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", room.number)
    room.replica.answer(200, b"last")
    answer = await reader.read(-1)
    assert answer.endswith(b"last")
    assert b"connection: close" in answer
    for each in (writer, idle_writer):
        each.close()
    await closing


async def test_a_client_who_goes_leaves_nothing_behind(room: Room) -> None:
    for _ in range(10):
        _, writer = await asyncio.open_connection("127.0.0.1", room.number)
        writer.write(GET)
        await room.asked()
        writer.transport.abort()
        await asyncio.sleep(0.01)
        room.replica.answer()
        while room.port.connections:
            await asyncio.sleep(0.002)
    assert room.route.in_flight == 0
