"""A tcp service at a port: each connection has an instance of its own, both directions flow and end by themselves."""

import asyncio

import pytest

from runtime.daemon.services.supervisor import Supervisor
from runtime.daemon.traffic.router import CONNECTIONS
from tests.runtime.daemon.house import House, free_port


@pytest.fixture
async def echo(daemon: House) -> Supervisor:
    service = await daemon.service("echo", "echo-tcp", ports=[free_port()])
    await daemon.daemon.ports.idle()
    return service


@pytest.fixture
def port(echo: Supervisor) -> int:
    return echo.spec.ports[0].host


async def test_bytes_come_back_and_the_end_of_one_direction_leaves_the_other(echo: Supervisor, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    assert await reader.readexactly(6) == b"hello\n"
    writer.write(b"last\n")
    writer.write_eof()
    assert await reader.read(-1) == b"last\n"
    writer.close()
    await writer.wait_closed()
    while echo.route.in_flight:
        await asyncio.sleep(0.01)
    sums = echo.route.meter.sums()
    assert (sums.received, sums.sent, sums.requests) == (11, 11, 1)


async def test_what_is_not_read_is_not_taken_in(echo: Supervisor, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    body = bytes(range(256)) * 64 * 1024  # 16 MiB

    async def send() -> None:
        for at in range(0, len(body), 65536):
            writer.write(body[at : at + 65536])
            await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    await asyncio.sleep(0.3)
    held = echo.route.meter.sums().received
    assert not sending.done()
    found = bytearray()
    while piece := await reader.read(1 << 20):
        found += piece
    await sending
    writer.close()
    assert held == 0
    assert bytes(found) == body


async def test_every_connection_has_an_instance_of_its_own_and_there_is_an_end_to_them(
    echo: Supervisor, port: int
) -> None:
    clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    for number, (_, writer) in enumerate(clients):
        writer.write(b"%d\n" % number)
    for number, (reader, _) in enumerate(clients):
        assert await reader.readline() == b"%d\n" % number
    waiting_reader, waiting_writer = await asyncio.open_connection("127.0.0.1", port)
    waiting_writer.write(b"me too\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting_reader.readline(), 0.1)
    clients.pop()[1].close()
    assert await waiting_reader.readline() == b"me too\n"
    for _, writer in (*clients, (waiting_reader, waiting_writer)):
        writer.close()


async def test_a_client_that_goes_takes_its_instance_with_it(echo: Supervisor, port: int) -> None:
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x\n")
        await reader.readline()
        writer.transport.abort()
    while echo.route.in_flight:
        await asyncio.sleep(0.01)
    assert echo.slots[0].replica is not None
    while echo.slots[0].replica.pending:
        await asyncio.sleep(0.01)


async def test_the_outside_may_be_kept_out(daemon: House) -> None:
    service = await daemon.service("inner", "echo-tcp", ports=[free_port()], networks=[])
    await daemon.daemon.ports.idle()
    reader, writer = await asyncio.open_connection("127.0.0.1", service.spec.ports[0].host)
    assert await reader.read(-1) == b""
    writer.close()


async def test_a_stopped_service_ends_its_connections(daemon: House, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x\n")
    assert await reader.readline() == b"x\n"
    await daemon.daemon.services.stop("echo", timeout=0.2)
    assert await reader.read(-1) == b""
    writer.close()
