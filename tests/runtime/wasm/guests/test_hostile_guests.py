"""Guests that lie, that never end, and that try what was not granted: the next request is answered all the same."""

import asyncio
import errno
import hashlib
import time
from pathlib import Path

import pytest

from catalog.errors import FabricError, GuestFailed
from runtime.wasm.compile import Compiler
from runtime.wasm.launch import Abi, Launch
from samples.services.build import HERE
from samples.services.hostile.modules import FREE, REFUSED, UNKNOWN, Import, compile_bomb, importing
from tests.runtime.wasm.guests.running import Kitchen, Running

pytestmark = pytest.mark.xdist_group("guests")

LIES = {
    **dict.fromkeys(
        ("garbage", "version", "status", "informational", "headers", "header-length", "body-length", "trailing"),
        "GUEST_BAD_ANSWER",
    ),
    **dict.fromkeys(("short", "empty", "beyond", "outside", "null"), "GUEST_BAD_ANSWER"),
    **dict.fromkeys(("wrapped", "whole", "huge"), "GUEST_OVERFLOW"),
}
"""How liar fails, by path. Its `/header-name` and `/header-value` are for those who write HTTP."""
RUNAWAYS = ("spin", "grow", "sleep", "flood", "storm")


async def hostile(kitchen: Kitchen, name: str, abi: Abi = Abi.REACTOR, **more: object) -> Launch:
    """A launch of a hostile guest."""
    wasm = HERE / "hostile" / f"{name}.wasm"
    digest = hashlib.sha256(wasm.read_bytes()).hexdigest()
    return await kitchen.prepare_file(wasm, abi, digest, **more)


async def code_of(guest: Running, path: str) -> str:
    """With which code a request fails; its status if it does not."""
    try:
        return str((await guest.get(path)).status)
    except FabricError as error:
        return error.code


@pytest.mark.promise("G3", count=len(LIES))
async def test_every_lie_fails_one_request(kitchen: Kitchen) -> None:
    async with kitchen.running(await hostile(kitchen, "liar")) as guest:
        told = {}
        for lie in LIES:
            told[lie] = await code_of(guest, f"/{lie}")
            assert (await guest.get("/health")).body == b"ok\n"
        assert told == LIES
        await code_of(guest, "/unreadable")
        assert await code_of(guest, "/" + "x" * 100_000) == "GUEST_BAD_ANSWER"
        assert (await guest.get("/health")).body == b"ok\n"


@pytest.mark.promise("G2", count=len(RUNAWAYS))
@pytest.mark.parametrize("name", RUNAWAYS)
async def test_a_runaway_is_stopped_at_its_deadline(kitchen: Kitchen, name: str) -> None:
    launch = await hostile(kitchen, name, memory=32 * 1024 * 1024)
    async with kitchen.running(launch, seconds=0.3) as guest:
        began = time.monotonic()
        code = await code_of(guest, "/")
        took = time.monotonic() - began
        assert code in {"GUEST_TIMEOUT", "GUEST_GONE"}
        assert 0.29 <= took <= 0.3 + 0.25
        assert guest.replica.usage().memory_peak <= 32 * 1024 * 1024


async def test_a_stack_that_is_used_up_is_a_trap(kitchen: Kitchen) -> None:
    async with kitchen.running(await hostile(kitchen, "recursion")) as guest:
        assert await code_of(guest, "/") == "GUEST_TRAPPED"
        assert (await guest.get("/health")).body == b"ok\n"


async def test_a_guest_that_never_becomes_ready_is_no_replica(kitchen: Kitchen) -> None:
    launch = await hostile(kitchen, "start-loop", start_time=0.3)
    with pytest.raises(GuestFailed):
        async with kitchen.running(launch):
            pytest.fail("it became ready")


async def test_nothing_of_the_host_can_be_seen(kitchen: Kitchen) -> None:
    tries = [
        *(f"/open?path={path}" for path in ("/etc/passwd", "/proc/self/environ", "/proc/self/fd/3", "../etc/passwd")),
        *(f"/list?path={path}" for path in ("/", "/proc", ".", "/data")),
        "/make?path=/tmp/made",
        "/link?path=/tmp/link",
        "/remove?path=/etc/hostname",
        "/descriptor",
    ]
    async with kitchen.running(await hostile(kitchen, "prober")) as guest:
        assert {path: (await guest.get(path)).status for path in tries} == dict.fromkeys(tries, 403)
        assert (await guest.get("/environment")).body == b""


@pytest.mark.promise("G4", count=len(REFUSED) + len(FREE) + len(UNKNOWN))
async def test_every_import_finds_nothing_or_does_not_start(kitchen: Kitchen, tmp_path: Path) -> None:
    async def outcome(tried: Import) -> object:
        wasm = tmp_path / f"{tried.module}-{tried.name}.wasm".replace("/", "_")
        wasm.write_bytes(importing(tried))
        digest = hashlib.sha256(wasm.read_bytes()).hexdigest()
        launch = await kitchen.prepare_file(wasm, Abi.REACTOR, digest)
        try:
            async with kitchen.running(launch) as guest:
                return int.from_bytes((await guest.get("/")).body, "little")
        except GuestFailed as error:
            return f"{tried.module}::{tried.name}" in error.message

    tried = (*REFUSED, *FREE, *UNKNOWN)
    outcomes = dict(zip(tried, await asyncio.gather(*map(outcome, tried)), strict=True))
    assert outcomes == {
        **dict.fromkeys(REFUSED, errno.ENOEXEC),  # WASI's 8 is "bad descriptor"
        **dict.fromkeys(FREE, 0),
        **dict.fromkeys(UNKNOWN, True),
    }


async def test_what_is_dear_to_compile_is_given_up(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.wasm"
    bomb.write_bytes(compile_bomb())
    digest = hashlib.sha256(bomb.read_bytes()).hexdigest()
    compiler = Compiler(tmp_path / "cache", cpu_seconds=1)
    began = time.monotonic()
    with pytest.raises(GuestFailed) as refused:
        await compiler.compile(bomb, digest)
    assert refused.value.code == "BUILD_FAILED"
    assert time.monotonic() - began < 10
