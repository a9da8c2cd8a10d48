"""S3 servers that mean harm: each costs its own call, in its time, with a code, and little memory."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from catalog.errors import FabricError
from catalog.provider import Target
from tests.fakes.certificates import authority_pem, serving
from tests.modules.asking import ask, controller, ports
from tests.modules.peers.hostile_http import Behaviour, floods, hangs, hostile, resets, says
from tests.modules.storage.storing import Storing

SECRET = "a secret of the test's own"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
MIB = 1024 * 1024


def at(port: int, scheme: str = "http", **settings: object) -> Target:
    address = {"address": f"{scheme}://127.0.0.1:{port}", "bucket": "shelf", "timeout_seconds": 1.0}
    keys = {"access_key_id": "key", "secret_access_key": SECRET}
    return controller("s3", {**address, **settings}, keys)


def answer(body: bytes, head: bytes = OK) -> Behaviour:
    return says(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def listing(inside: str) -> Behaviour:
    return answer(f"<ListBucketResult>{inside}</ListBucketResult>".encode())


def entry(key: str, size: str = "1", changed: str = "2026-01-02T03:04:05.000Z") -> str:
    return f"<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{changed}</LastModified></Contents>"


LAUGHS = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><ListBucketResult>&c;</ListBucketResult>'
GOES_ON = "<IsTruncated>true</IsTruncated>"

PEERS: dict[str, tuple[Behaviour, str]] = {
    "hangs": (hangs, "TARGET_TIMEOUT"),
    "resets": (resets, "TARGET_UNREACHABLE TARGET_REFUSED"),
    "lies about its length": (says(OK + b"Content-Length: 1000\r\n\r\n<List"), "TARGET_REFUSED"),
    "sends a gibibyte": (floods(OK + b"Content-Length: 1073741824\r\n\r\n"), "TARGET_REFUSED TARGET_TIMEOUT"),
    "sends a gibibyte of headers": (floods(b"HTTP/1.1 200 OK\r\nX: "), "TARGET_REFUSED TARGET_UNREACHABLE"),
    "speaks no HTTP": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "TARGET_REFUSED"),
    "redirects": (answer(b"", b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/\r\n"), "TARGET_REFUSED"),
    "answers a page": (answer(b"<html><body>Log in</body></html>"), "TARGET_REFUSED"),
    "answers half of it": (answer(b"<ListBucketResult><Contents>"), "TARGET_REFUSED"),
    "expands": (answer(LAUGHS), "TARGET_REFUSED"),
    "lists without sizes": (listing(entry("x", size="")), "TARGET_REFUSED"),
    "lists a size below nothing": (listing(entry("x", size="-1")), "TARGET_REFUSED"),
    "lists a size without end": (listing(entry("x", size="9" * 40)), "TARGET_REFUSED"),
    "lists no time": (listing(entry("x", changed="yesterday")), "TARGET_REFUSED"),
    "lists what was not asked for": (listing(entry("/etc/passwd")), "TARGET_REFUSED"),
    "never comes to an end": (listing(entry("house/a") + GOES_ON), "TARGET_REFUSED"),
    "says an error that is a secret": (
        answer(f"<Error><Code>{SECRET}</Code></Error>".encode(), b"HTTP/1.1 400 X\r\n"),
        "TARGET_REFUSED",
    ),
    "lets nobody in": (answer(b"", b"HTTP/1.1 403 X\r\n"), "TARGET_AUTH_FAILED"),
}


@pytest.mark.parametrize("name", PEERS)
async def test_a_hostile_server_costs_its_own_call_alone(name: str) -> None:
    behave, codes = PEERS[name]
    begun, before = time.monotonic(), psutil.Process().memory_info().rss
    beats = asyncio.create_task(_beats())
    with hostile(behave) as port:
        async with ports() as real:
            with pytest.raises(FabricError) as refused:
                await ask("storage.list_blobs", at(port, prefix="house/"), real, limit=1000)
    longest = beats.cancel() and await _ended(beats)
    assert refused.value.code in codes.split(), refused.value
    assert "Controller `peer`" in refused.value.message
    assert SECRET not in str(vars(refused.value))
    assert time.monotonic() - begun < 3
    assert longest < 0.5
    assert psutil.Process().memory_info().rss - before < 64 * MIB


async def _beats() -> float:
    """The longest time for which the loop did nothing else, once it is cancelled."""
    longest, last = 0.0, time.monotonic()
    try:
        while True:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest


async def _ended(task: "asyncio.Task[float]") -> float:
    return await task


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority_pem())
    return file


@pytest.fixture(params=["good", "expired", "another's"])
def tls_port(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    host = "127.0.0.1" if request.param != "another's" else "10.0.0.1"
    context = serving(host, expired=request.param == "expired")
    empty = answer(b"<ListBucketResult></ListBucketResult>")

    def behave(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as wrapped:
                empty(wrapped)
        except ssl.SSLError:
            return

    with hostile(behave) as port:
        yield request.param, port


async def test_a_certificate_counts_if_it_is_in_time_ones_own_and_of_the_named_authority(
    tls_port: tuple[str, int], authority: Path
) -> None:
    kind, port = tls_port
    async with ports() as real:
        if kind == "good":
            answered = await ask("storage.list_blobs", at(port, "https", ca_file=str(authority)), real)
            assert answered == {"blobs": [], "next": None}
        for settings in ({}, {"ca_file": "/nowhere"}, *([] if kind == "good" else [{"ca_file": str(authority)}])):
            with pytest.raises(FabricError) as refused:
                await ask("storage.list_blobs", at(port, "https", **settings), real)
            assert refused.value.code == "TARGET_UNREACHABLE"
            assert "certificate" in refused.value.message


async def test_a_write_to_one_that_hangs_ends_in_its_time_as_unknown() -> None:
    with hostile(hangs) as port:
        async with ports() as real:
            begun = time.monotonic()
            with pytest.raises(FabricError) as refused:
                await Storing(at(port), real).plan("x", b"y")
    assert refused.value.code == "TARGET_TIMEOUT"
    assert time.monotonic() - begun < 2
