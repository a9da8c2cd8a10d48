"""What goes wrong between a driver and its controller, over real sockets: each has its code and its controller."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from catalog.errors import FabricError, NotFound, TargetFailed, TargetTimeout, Unavailable
from catalog.provider import Target
from runtime.drivers import failures
from runtime.drivers.failures import Reaching
from tests.fakes.certificates import serving, trusting

TARGET = Target(
    id="c", organisation_id="o", site_id="s", driver="fake", name="porch", settings={}, credentials={"key": "hun/ter2"}
)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A TCP server on a port of its own."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def refusal(work: Awaitable[object], seconds: float = 5.0) -> FabricError:
    with pytest.raises(FabricError) as refused:
        async with Reaching(TARGET, seconds, "the greeting"):
            await work
    assert "`porch`" in refused.value.message
    assert refused.value.message.endswith(".")
    assert refused.value.hint
    return refused.value


async def talk(port: int, context: ssl.SSLContext | None = None, host: str = "localhost") -> bytes:
    name = host if context is not None else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name, limit=1024)
    try:
        return await reader.readuntil(b"\n")
    finally:
        writer.close()


async def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    error = await refusal(talk(port))
    assert error.code == "TARGET_UNREACHABLE"
    assert isinstance(error, TargetFailed)


async def test_a_hang_ends_at_its_deadline() -> None:
    async def hang(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await over.wait()

    over = asyncio.Event()
    async with listening(hang) as port:
        error = await refusal(talk(port), 0.05)
        over.set()
    assert error.code == "TARGET_TIMEOUT"
    assert isinstance(error, TargetTimeout)
    assert "the greeting" in error.message


async def test_a_reset_is_unreachable() -> None:
    async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with listening(reset) as port:
        error = await refusal(talk(port))
    assert error.code == "TARGET_UNREACHABLE"


async def test_an_answer_that_stops_half_way_is_unreachable() -> None:
    async def half(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hal")
        await writer.drain()

    async with listening(half) as port:
        error = await refusal(talk(port))
    assert error.code == "TARGET_UNREACHABLE"
    assert "in the middle of its answer" in error.message


async def test_an_endless_line_is_refused() -> None:
    async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 100_000)
        await writer.drain()

    async with listening(endless) as port:
        error = await refusal(talk(port))
    assert error.code == "TARGET_REFUSED"


async def test_an_expired_certificate_is_told_as_such() -> None:
    async with listening(_greet, serving("localhost", expired=True)) as port:
        error = await refusal(talk(port, trusting()))
    assert error.code == "TARGET_UNREACHABLE"
    assert "certificate is not trusted (certificate has expired)" in error.message
    assert "certificate" in (error.hint or "")


async def test_no_tls_where_tls_is_expected_is_told_as_such() -> None:
    async with listening(_greet) as port:
        error = await refusal(talk(port, ssl.create_default_context()))
    assert error.code == "TARGET_UNREACHABLE"
    assert "TLS" in error.message


async def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\n")
    await writer.drain()


async def test_what_goes_well_goes_through() -> None:
    async with listening(_greet) as port, Reaching(TARGET, 5.0):
        assert await talk(port) == b"220 hello\n"


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (TargetTimeout("EGRESS_TIMEOUT", "The other side did not answer in time."), "TARGET_TIMEOUT"),
        (TargetFailed("EGRESS_TLS", "The certificate has expired."), "TARGET_UNREACHABLE"),
        (TargetFailed("EGRESS_UNREACHABLE", "Nobody answers."), "TARGET_UNREACHABLE"),
        (TargetFailed("EGRESS_PROTOCOL", "It speaks no HTTP."), "TARGET_REFUSED"),
    ],
)
async def test_the_guarded_way_outs_errors_are_said_of_the_controller(raised: FabricError, code: str) -> None:
    async def fail() -> None:
        raise raised

    assert (await refusal(fail())).code == code


@pytest.mark.parametrize(
    ("made", "kind", "code"),
    [
        (failures.unreachable(TARGET, "x"), TargetFailed, "TARGET_UNREACHABLE"),
        (failures.auth_failed(TARGET), TargetFailed, "TARGET_AUTH_FAILED"),
        (failures.refused(TARGET, "x"), TargetFailed, "TARGET_REFUSED"),
        (failures.timed_out(TARGET, 3), TargetTimeout, "TARGET_TIMEOUT"),
        (failures.not_found(TARGET, "no camera `x`"), NotFound, "TARGET_NOT_FOUND"),
        (failures.busy(TARGET), Unavailable, "TARGET_BUSY"),
    ],
)
async def test_an_error_that_is_ours_passes_through_as_it_is(made: FabricError, kind: type, code: str) -> None:
    with pytest.raises(kind) as refused:
        async with Reaching(TARGET, 1.0):
            raise made
    assert refused.value is made
    assert made.code == code
    assert "`porch`" in made.message


@pytest.mark.parametrize("said", ["rtsp://u:hun/ter2@porch/1 is gone", "rtsp://u:hun%2Fter2@porch/1 is gone"])
def test_no_error_repeats_a_credential(said: str) -> None:
    for error in (
        failures.unreachable(TARGET, said),
        failures.auth_failed(TARGET, said),
        failures.refused(TARGET, said),
        failures.not_found(TARGET, said),
    ):
        assert "ter2" not in error.message
        assert "is gone" in error.message
