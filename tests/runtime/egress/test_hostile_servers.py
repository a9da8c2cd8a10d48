"""O2: whatever the other side does, at most 16 KiB is kept, time ends, and there was one connection."""

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from catalog.errors import FabricError
from catalog.provider import Answer
from runtime.egress import Guard
from runtime.egress.client import EgressClient, Limits

TOTAL = 0.8
KEPT = 16 * 1024
Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

# Made before memory is watched: 32 MiB of nothing.
GZIP_BOMB = gzip.compress(bytes(32 * 1024 * 1024))
RAW_BOMB = zlib.compress(bytes(32 * 1024 * 1024), wbits=-15)

SERVERS: dict[str, tuple[Server, str]] = {}


def hostile(*expected: str) -> Callable[[Server], Server]:
    """Register a server and the outcomes it may lead to: `kept` (cut at 16 KiB), `small`, or an error's code."""

    def register(server: Server) -> Server:
        SERVERS[server.__name__] = (server, "|".join(expected))
        return server

    return register


async def forever(writer: asyncio.StreamWriter, piece: bytes, pause: float = 0) -> None:
    for _ in count():
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)


@hostile("kept")
async def a_gzip_bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(GZIP_BOMB) + GZIP_BOMB)


@hostile("kept")
async def a_raw_deflate_bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nConnection: close\r\n\r\n" + RAW_BOMB)


@hostile("small")
async def endless_packed_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    packer = zlib.compressobj(wbits=31)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packer.flush(zlib.Z_FULL_FLUSH))
    await forever(writer, packer.flush(zlib.Z_FULL_FLUSH) * 1024 or b"\0\0\0\xff\xff" * 1024)


@hostile("EGRESS_PROTOCOL")
async def broken_packing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")


@hostile("kept")
async def an_endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await forever(writer, b"x" * 65536)


@hostile("kept")
async def endless_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await forever(writer, b"400\r\n" + b"x" * 1024 + b"\r\n")


@hostile("EGRESS_PROTOCOL", "EGRESS_TIMEOUT")
async def an_endless_chunk_extension(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
    await forever(writer, b"x" * 65536)


@hostile("kept")
async def a_length_of_a_tebibyte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 2**40)
    await forever(writer, b"x" * 65536)


@hostile("EGRESS_TIMEOUT")
async def slow_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    await forever(writer, b"x", 0.02)


@hostile("EGRESS_TIMEOUT")
async def a_slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await forever(writer, b"x", 0.02)


@hostile("EGRESS_TIMEOUT")
async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@hostile("EGRESS_PROTOCOL")
async def a_megabyte_in_one_header(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1024 * 1024 + b"\r\n\r\n")


@hostile("EGRESS_PROTOCOL")
async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await forever(writer, b"X-Many: yes\r\n" * 4096)


@hostile("EGRESS_PROTOCOL")
async def an_endless_status_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 ")
    await forever(writer, b"O" * 65536)


@hostile("EGRESS_TIMEOUT", "EGRESS_PROTOCOL")
async def endless_continues(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await forever(writer, b"HTTP/1.1 100 Continue\r\n\r\n" * 64)


@hostile("EGRESS_PROTOCOL")
async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2p1\r\n" * 4)


@hostile("EGRESS_PROTOCOL", "EGRESS_UNREACHABLE")
async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@hostile("EGRESS_PROTOCOL")
async def breaking_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()


@hostile("small")
async def a_redirect_to_itself(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")


async def ask(server: Server) -> tuple[str, Answer | None, int]:
    """The outcome (`kept`, `small` or a code), the answer, and the number of connections."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            await server(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has had enough
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = EgressClient(Guard(["127.0.0.1"]), limits=Limits(total=TOTAL, connect=0.5, sock_read=0.5))
    try:
        answer = await client.send("webhook", "GET", f"http://127.0.0.1:{port}/", {}, b"")
    except FabricError as error:
        return error.code, None, connections
    finally:
        listening.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
    return ("kept" if len(answer.body) == KEPT else "small"), answer, connections


@pytest.mark.promise("O2", count=len(SERVERS))
@pytest.mark.parametrize("name", SERVERS)
async def test_a_hostile_server_costs_little(name: str) -> None:
    server, expected = SERVERS[name]
    tracemalloc.start()
    began = time.monotonic()
    try:
        outcome, answer, connections = await ask(server)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome in expected.split("|")
    assert connections == 1
    assert time.monotonic() - began < TOTAL + 1.2
    if answer is not None:
        assert len(answer.body) <= KEPT
        assert answer.truncated is (outcome == "kept" or name == "endless_packed_nothing")
    assert peak < 4 * 1024 * 1024
