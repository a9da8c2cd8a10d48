"""An unmodified wasi:http component behind the host in Python: what it may, what it may not, and how it fails."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from catalog.errors import FabricError, GuestFailed
from runtime.wasm.launch import Mount
from runtime.wasm.messages import decode_request, encode_answer
from tests.runtime.wasm.guests.running import Kitchen

pytestmark = pytest.mark.xdist_group("guests")


async def test_it_reads_the_request_and_bodies_pass_whole(kitchen: Kitchen) -> None:
    async with kitchen.guest("riddles") as guest:
        headers = [(b"host", b"riddles.test"), (b"x-why", b"because")]
        told = await guest.ask("PUT", "/request", b"", headers)
        assert b'"method": "Method_Put", "authority": "riddles.test"' in told.body
        assert b'"x-why": "because"' in told.body
        for size in (0, 1, 4096, 65_536, 300_001):
            body = os.urandom(size)
            assert (await guest.ask("POST", "/echo", body)).body == body


async def test_one_instance_answers_again_and_again_without_holding_on(kitchen: Kitchen) -> None:
    async with kitchen.guest("riddles") as guest:
        for _ in range(100):
            await guest.get("/health")
        before = guest.replica.usage().memory_peak
        # Six handles a request: had they stayed, they would be too many.
        for _ in range(1900):
            assert (await guest.get("/health")).status == 200
        assert b'"count": 2001' in (await guest.get("/")).body
        assert guest.replica.usage().memory_peak - before < 4 * 1024 * 1024


async def test_its_outgoing_requests_go_through_the_host_and_are_refused_without_the_grant(kitchen: Kitchen) -> None:
    asked = []

    async def outgoing(message: bytes) -> bytes:
        request = decode_request(message)
        asked.append((request.method, request.path))
        return (
            encode_answer(200, [], b"hello") if b"allowed" in request.path else encode_answer(0, [], b"FORBIDDEN: no")
        )

    async with kitchen.guest("riddles", outgoing=outgoing) as guest:
        assert await guest.json("/call?url=http://allowed/a") == {"status": 200, "body": "hello"}
        assert await guest.json("/call?url=https://other/") == {"refused": "ErrorCode_HttpRequestDenied"}
    assert asked == [(b"GET", b"http://allowed/a"), (b"GET", b"https://other/")]
    async with kitchen.guest("riddles") as guest:
        assert await guest.json("/call?url=http://allowed/") == {"refused": "ErrorCode_HttpRequestDenied"}


async def test_one_that_traps_is_replaced(kitchen: Kitchen) -> None:
    async with kitchen.guest("riddles") as guest:
        with pytest.raises(FabricError) as failed:
            await guest.get("/crash")
        assert failed.value.code == "GUEST_TRAPPED"
        assert "asked to crash" in await guest.prints("stderr", "RuntimeError")
        assert b'"count": 1' in (await guest.get("/")).body
        assert guest.replica.usage().traps == 1


async def test_one_that_answers_once_gets_a_fresh_instance_for_each_request(kitchen: Kitchen) -> None:
    async with kitchen.guest("riddles") as guest:
        assert b'"count": 1' in (await guest.get("/")).body
        assert (await guest.get("/last")).status == 200
        for _ in range(3):
            assert b'"count": 1' in (await guest.get("/")).body
        assert guest.replica.usage().traps == 0


async def test_what_somebody_outside_has_seen_is_not_done_twice(kitchen: Kitchen) -> None:
    asked = []

    async def outgoing(message: bytes) -> bytes:
        asked.append(decode_request(message).path)
        return encode_answer(200, [], b"hello")

    async with kitchen.guest("riddles", outgoing=outgoing) as guest:
        assert (await guest.get("/last")).status == 200
        with pytest.raises(FabricError) as failed:
            await guest.get("/call?url=http://allowed/")
        assert failed.value.code == "GUEST_BAD_ANSWER"
    assert asked == [b"http://allowed/"]


async def test_files_are_refused_aloud(kitchen: Kitchen, tmp_path: Path) -> None:
    launch = await kitchen.prepare("riddles", mounts=(Mount(host=tmp_path, guest="/data"),))
    with pytest.raises(GuestFailed, match="no files"):
        async with kitchen.running(launch):
            pytest.fail("it became ready")


async def test_the_fast_way_into_wasmtime_answers_as_the_public_one(kitchen: Kitchen) -> None:
    launch = await kitchen.prepare("riddles")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.runtime.wasm.guests.both_ways",
        str(launch.compiled),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert said.decode().split()[:3] == ["same", "plainly", "quickly"]
